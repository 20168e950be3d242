// Package fleet says when workers of a pool are to be started, and what a provider of them has to do for it.
//
// Only the control plane starts workers, and only a worker ends itself: nobody picks a machine to kill, since
// it would be one that works. A unit is the process or the machine in which one worker runs.
//
//	intended ──Start──► starting ──its worker registers──► up ──its worker leaves, or dies──► ended
//	    │                   └── no worker by its boot time: stopped, failed ────────────────────►│
//	    └── the provider refuses ─────────────────────────────────────────────────────────────────┘
//
// Invariants:
//
//   - The row of a unit is committed before the provider is asked. A replica that dies in between leaves an
//     intent, which the next pass of any replica carries out: Start takes the same order twice and starts one
//     unit.
//   - One replica at a time decides for a pool, under a lock that its own transaction holds.
//   - What is not known to have ended counts: against max, and against the budget. A unit that did not come up has
//     ended when its provider was told to stop it; one whose worker died, when no other worker lives in it.
//   - A worker that means to leave says so, commits, and looks once more; whoever submits commits, and then
//     counts who is left. At least one of the two sees the other, so that nothing waits for nobody.
//
// What happens on a failure:
//
//   - A provider refuses, or a unit does not come up, or its worker dies before it has done anything: it
//     is tried again at once, then after 1 s, 2 s, 4 s; after five such units one alone is tried after two minutes,
//     four, eight, eight …
//   - An answer is lost: the order is given again, for as long as its unit may take to come up. After that the
//     provider's list tells what runs for it, which is stopped.
//   - A worker dies, and its provider starts another in the same unit: it is the same unit.
//   - A unit runs without a worker that lives, for a minute and a half: it is stopped. So is one that the ledger
//     does not know, as after a database was put back. If a worker lives in it, the ledger has it from then on.
//   - Two units run for one order, which came to light late: the one that the ledger does not name is stopped.
//   - A unit is cut off, and counts as dead, but works on: until an audit stops it, which is a minute and a half later or
//     two and a half, there may be one more than max.
//   - A provider cannot be told to stop what did not come up, for five minutes: it counts no more, and audits go on.
//   - The ledger cannot be read: nothing is started.
package fleet
