// Package shim is the process between a worker and a command: it starts the command, and when that
// ends, or is to end, it kills every process that the command ever forked.
//
// It is the same binary, executed again under the name "freshet-shim". It must start thin, because it
// starts once for each attempt and the initialisation of the libraries of this program costs more than
// the shim itself. Go initialises packages in the order of their import paths, as far as dependencies
// allow, so this one, which imports the standard library alone, comes before all that live under
// github.com and the like. Its init function runs the shim and exits.
//
// States:
//
//	waiting ──Command──► running ──the command ended, or Kill, or an end by force──► killing ──ECHILD──► report, exit
//	                        │                                                           ▲
//	                        └──Stop: SIGTERM to the group──► stopping ──group empty, or the grace over──┘
//
// An end by force: the lifeline closed, the lease ran out, a limit of memory or of processes was hit.
//
// Invariants:
//
//   - The shim is a child subreaper, so that every orphan below it becomes its own child. It reports,
//     and exits, when wait4 says ECHILD: there is no process left that descends from it.
//   - Signals and reaping happen in one goroutine, on one thread.
//   - The command's parent-death signal is SIGKILL, from that thread, which lives as long as the shim. A command
//     with a sandbox is forked by another thread that lives as long: one that has confined itself, since what it
//     forks then is born confined, while the shim must be free to look around and to kill.
//   - Nothing is inherited by the command but its standard streams. It leaves no core files, and has no more
//     files open than it is allowed.
//   - The command cannot read the memory and the files of the shim, nor trace it. If it runs as another user,
//     it can gain no privileges, and the shim, which stays root, can still kill it.
//
// Failures: if the worker dies, the lifeline closes. If the worker is frozen, the lease runs out. If the
// shim is killed, the command dies by its parent-death signal and the worker, a subreaper as well, kills
// the rest. If a process cannot be killed (it sleeps in the kernel for a dead disk, or runs as another
// user by a setuid program while the shim is not root), the shim says so after five seconds. Out of
// reach are only processes that something else starts on the command's behalf, such as a container
// daemon or the system's service manager.
package shim
