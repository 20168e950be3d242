// Package runner takes one attempt from its claim to its outcome: it prepares a folder, runs the kind's
// command in it, stores what the command prints and says, and judges how it ended.
//
// # The way of an attempt
//
//	claimed ──► prepared ──► running ──► dead ──► artifacts saved ──► records stored ──► ending
//	    │           │           │
//	    └───────────┴───────────┴── the attempt is not ours any more: killed, no ending
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
// that no name leads to, so that neither database nor network ever presses back on the pipe. The event file is read every pulse
// and goes the same way. One goroutine, the shipper, reads the spool and gives its records to the Sink,
// in order, one Flush at a time.
//
// Invariants:
//
//   - Memory is bounded whatever the command prints or says.
//   - The records of an attempt reach the Sink in order, without gaps and without doubles: a Flush names
//     the numbers of its records, and the Sink's count of what is stored says where to go on. So a
//     Flush whose answer was lost is simply sent again.
//   - Run returns only when the command and all its descendants are dead and all records are stored,
//     or the attempt is not ours any more.
//   - Files that the command could have tampered with are reached through os.Root alone, and only
//     regular files with one name are opened.
//   - Nothing that is stored as text or JSON holds a NUL or invalid UTF-8.
//
// # What is judged first
//
// Our own reason to stop the command comes first (cancelled, interrupted, timeout, silent, disk_full),
// then the error that the command wrote in its event file, then the memory limit, then the exit code,
// then the output and its schema. One finish beats a cancel or an interruption: the command exited with
// 0 and had written an output. An exit with 0 alone does not, once the command was told to stop: many
// programs answer SIGTERM so, with their work half done.
//
// # Failures
//
//   - The Sink fails: the write is repeated, with growing pauses, for as long as the attempt is ours.
//   - The Sink says jobs.ErrFenced, or the lease that Host.Renew gives runs out: the command is killed
//     at once, and Run returns an error instead of an ending.
//   - The spool cannot be written: the command is stopped, its further output dropped; disk_full.
//   - The worker dies: the shim kills the command; the next worker's Host.Sweep removes the workspace.
package runner
