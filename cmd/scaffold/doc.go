// Package scaffold writes the first files of a project that uses Freshet: a freshet.yaml, or all that a
// Next.js app needs to submit its first task and to show it live. It writes all of them or none, and
// never over a file that is there.
//
// The files stand below plain and next as they are written. Those of a Next.js app import one another by
// the alias @/, which becomes a relative path where the app has no such alias.
package scaffold
