// Package cloudrun checks what Freshet says to Cloud Run with what Google says of it: its own client and its own
// types. It is a module of its own, so that none of that is in Freshet.
package cloudrun
