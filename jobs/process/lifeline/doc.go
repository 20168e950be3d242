// Package lifeline is what a worker and the shim of one of its children say to each other, over one
// socket pair.
//
//	worker                                shim
//	  Command ───────────────────────────►  the first message: what to run
//	  ◄─────────────────────────── Started  the command was executed
//	  ◄────────────────────────── NotRun    or it was not; the shim exits
//	  Renew, Stop, Kill, in any order ────►
//	  ◄───────────────────────────── Ended  everything is dead; the shim exits
//
// The socket is a lifeline because its end is a message too: when the worker dies, however it dies,
// the kernel closes its side, and the shim kills everything. The same holds the other way round: a
// shim whose side closes without Ended or NotRun has died, and the worker kills what it left.
//
// A message is a kind, a length and a list of strings, each ended by a NUL, for neither arguments nor
// environment can hold one. Bytes pass unchanged, valid UTF-8 or not. Both sides are the same binary,
// so there is no version.
//
// The package imports the standard library alone, so that the shim can run before anything else of
// the binary is initialised.
package lifeline
