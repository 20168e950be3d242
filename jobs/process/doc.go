// Package process runs operating-system processes: a Child, which is a command together with
// everything that it ever forks, and a Daemon, which is a long-running helper that our own programs
// start. It is the one place that knows how; os/exec is used nowhere else.
//
// # Child
//
// A child is run under a shim, a small process of the same binary (package shim), to which the worker
// holds a lifeline (package lifeline):
//
//	worker ──lifeline──► shim ──► the command, a process group of its own ──► whatever it forks
//	  ▲                                    │
//	  └──────── stdout, stderr ────────────┘
//
// States of a child:
//
//	started ──► running ──the command ends──► its leftovers are killed ──► ended
//	              │ ▲ Renew                               ▲
//	              ├─Stop──► SIGTERM to the group, grace ──┤
//	              └─Kill, lease over, worker dead, a limit hit
//
// Invariants:
//
//   - When Wait returns, no process that descends from the command is alive, and all of the output
//     was written to the writers.
//   - The same holds, within two seconds, after the worker dies by any cause, or after the shim does.
//   - A command that runs as another user cannot signal, read or trace the shim and the worker; one of the same
//     user cannot read or trace the shim, and not the worker either after its Conceal.
//   - A command with a sandbox (package sandbox), and all it forks, does no more than its rules allow, or does not
//     start. The shim is not in the sandbox.
//   - The command gets the argument list as it stands, never through a shell, and the environment as
//     it stands, with nothing of the worker's.
//
// What happens on a failure:
//
//   - The worker dies: the lifeline closes, and the shim kills all.
//   - The worker is frozen, or cut off: it renews no lease, and the shim kills all when it runs out.
//   - The shim dies: its orphans come to the worker, a subreaper since Adopt, which kills them. Wait
//     answers ErrLost.
//   - The shim hangs: some seconds after a Stop or Kill should have worked, the worker kills the shim.
//   - A process cannot be killed: Wait answers ErrSurvivors after five seconds.
//   - A writer fails: the output is drained and dropped, so that the command does not block; Wait
//     answers the writer's error.
//
// On systems other than Linux there is no subreaper: what leaves the process group of the command
// survives it.
//
// # Daemon
//
// A daemon has no shim. It is a program that cleans up after itself, or one that the user can see; it
// gets a signal when the thread that started it dies, so that a kill -9 of the parent does not leave it.
package process
