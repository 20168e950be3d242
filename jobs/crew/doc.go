// Package crew keeps programs alive on one machine: so many instances of each, started again when they
// die, and replaced one by one without a gap when a new version is to run.
//
// A slot is the place of one instance. Normally one process is in it; while it is replaced there are two,
// and what has been replaced goes on by itself until it has finished what it does.
//
//	   ┌──────────────── died: pause ───────────────┐
//	   ▼                                            │
//	starting ──READY=1──► ready ──replaced──► draining ──► gone
//	   │                    │
//	   └──────── died ──────┤
//	                        ├─ exit code 0, or stopped by hand ─► stopped
//	                        ├─ exit code 78: it never could start ─► errored
//	                        ├─ 5 deaths in 60 s ─► errored ─ 60 s ─► starting, for one try
//	                        └─ otherwise ─► backoff ─ 0, 0.5 s, 1 s, … 60 s ─► starting
//
// An instance that was ready for a minute has proved itself: its next death counts as the first. Pauses
// vary by a fifth, so that instances which died together do not come back together.
//
// Programs speak sd_notify(3): READY=1, and WATCHDOG=1 twice as often as WATCHDOG_USEC says. They find
// in their environment NOTIFY_SOCKET, WATCHDOG_USEC and FRESHET_INSTANCE, the number of their slot.
//
// Invariants:
//
//   - A process is replaced only after the new one said READY=1. If that dies, or is not ready in time,
//     it is ended, the old one stays, and the rollout stops there.
//   - One rollout at a time, and of one program Surge slots at once.
//   - When Run returns, no process that the crew started is alive.
//   - Whoever died is reported before anything takes its place, and after what it ran was killed.
//
// What happens on a failure:
//
//   - A process hangs: it says no WATCHDOG=1, gets SIGABRT, and SIGKILL five seconds later.
//   - A process does not stop: it gets SIGKILL, with its process group, when its time to stop is up. One
//     that is replaced may take as long as it wants, or RetireWithin; it is told to stop when the crew is.
//   - A process holds more memory than it may, or is too old: it is replaced, and finishes what it does.
//   - The supervisor is killed: on Linux its children get SIGTERM from the kernel, and one more from
//     the next crew, which must say nothing new to them. A file names them, with the time of their birth;
//     the next crew on the folder stops them and waits for them beside its own, and reports those that have
//     ended meanwhile, as all have when the machine lost its power.
//     They write to log files directly, so that they do not end at a pipe that nobody reads.
//   - Two supervisors on one folder: the second one is refused, by a lock.
package crew
