// Package secret keeps and uses the keys that all replicas share.
//
// A shared key is made once, by whoever needs it first, and lies in the database wrapped by the
// operator's own key (Box), so that a copy of the database alone signs nothing. What it signs (Signer)
// is bound to one purpose: a signature for one use is worthless for another.
//
// To change the operator's key, give the new one first and the old one second: both unwrap, the first
// one wraps. What the old key wrapped is not wrapped anew, so the old key stays second for as long as
// such secrets are in use.
package secret
