// Package runner takes one attempt from its claim to its outcome: it prepares a folder, runs the kind's
// command in it or asks the kind's route to do the work, stores what is printed and said, and judges how
// it ended.
//
// # The way of an attempt
//
//	claimed ──► prepared ──► running ──► over ──► artifacts saved ──► records stored ──► ending
//	    │           │           │
//	    └───────────┴───────────┴── the attempt is not ours any more: killed, no ending
//
// Commands and routes differ in execute alone: it runs a child and follows its event file (command), or
// sends a request and follows its answer (call). Both feed the same report and leave evidence of the same
// form; spool, watchdogs and verdict know no difference.
//
// A Host runs any number of attempts at once. Each has a workspace, a folder that is removed whatever
// happens:
//
//	input.json   the task's input
//	events       what the command has to say, a line of JSON each (see report)
//	artifacts/   files to keep
//	tmp/         TMPDIR
//	work/        the working directory of kinds that have no other
//
// # Records
//
// What a command prints is drained as fast as it comes into the spool, a little memory and then a file
// that no name leads to, so that neither database nor network ever presses back on the pipe. The event
// file, read every pulse, and the lines of an answer go the same way. One goroutine, the shipper, reads the
// spool and gives its records to the Sink, in order, one Flush at a time.
//
// Invariants:
//
//   - Memory is bounded whatever the command prints or says.
//   - The records of an attempt reach the Sink in order, without gaps and without doubles: a Flush names
//     the numbers of its records, and the Sink's count of what is stored says where to go on. So a
//     Flush whose answer was lost is simply sent again.
//   - Run returns only when the command and all its descendants are dead, or the route's connection is
//     closed, and all records are stored, or the attempt is not ours any more.
//   - A command whose kind has a sandbox can write to its own workspace and get into no other; rules that would
//     open the others are refused.
//   - Files that the command could have tampered with are reached through os.Root alone, and only
//     regular files with one name are opened.
//   - Nothing that is stored as text or JSON holds a NUL or invalid UTF-8.
//   - No record, no output, no failure and no name of an artifact shows a secret: the value of a variable of
//     the kind, or one of the worker's own (see package redact, and Host.secrets). What a command prints is
//     redacted before it comes into the spool; what a secret could be cut in is redacted before it is cut. An
//     output is held to its schema as it was written. Contents of artifacts stay as they are.
//
// # Requests
//
// A route gets one request per attempt, on a connection of its own, signed (see package webhook). Nothing
// else is ever sent: no redirect is followed, no proxy used, nothing sent twice. To stop a route, its
// connection is closed; whether the route stops its work then is up to the route, and so is what it does
// after its worker has died. The id of the request is the attempt's, so that it can tell.
//
// # What is judged first
//
// Our own reason to stop the work comes first (cancelled, interrupted, timeout, silent, disk_full,
// disk_limit), then the error that the command or route itself said, then how it ended (a limit of memory or
// processes, the exit code; the status, an answer that broke off or is none), then the output and its schema.
// One finish beats a cancel or an interruption: the command exited with 0 and had written an output. An exit
// with 0 alone does not, once the command was told to stop: many programs answer SIGTERM so, with their work
// half done. Of an answer, the whole must have come.
//
// # Failures
//
//   - The Sink fails: the write is repeated, with growing pauses, for as long as the attempt is ours.
//   - The Sink says jobs.ErrFenced, or the lease that Host.Renew gives runs out: the command is killed,
//     or the connection closed, at once, and Run returns an error instead of an ending.
//   - The spool cannot be written: the command is stopped, its further output dropped; disk_full.
//   - The workspace holds more than the kind allows: the command is killed; disk_limit.
//   - No connection to the route: not_started, for the route knows nothing of the attempt. A connection
//     that ends too early: unfinished, for the work may have been done; but an answer that is cut after a
//     whole line with the output or an error has said all.
//   - The worker dies: the shim kills the command; the next worker's Host.Sweep removes the workspace.
package runner
