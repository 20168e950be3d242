// Package worker is the pull side: a process that takes attempts of one pool from River and runs them.
//
// River delivers, and no more: it has neither heartbeat nor fence, so its jobs are one per attempt,
// are never retried nor rescued by it, and Work always returns nil. What is true of an attempt stands
// in its own row.
//
// The way of an attempt here:
//
//	fetched ──► claimed ──► run ──► ended      (each step retried while the database is away)
//	   │           └ held or stale: dropped, its River job is gone
//	   └ told to leave before the claim: snoozed, River offers it to another worker
//
// A worker that is told to leave fetches no more, lets what runs finish within the drain time, then
// interrupts it; an interrupted attempt costs no try and is queued again at once. One that is to retire,
// because another takes its place, lets what it runs finish without that limit. A cancel reaches the
// worker as a hint, and at the latest with the next look, once a second while something runs.
//
// # Leaving by itself
//
// A worker with an idle time says, when it had nothing to do for so long, that it is about to leave, and looks once
// more. If something waits, it stays; else it leaves as one that was told to, and what it fetches until it has
// stopped fetching it gives back. Whoever submits later does not count on it. One whose generation is over, which a
// beat tells, is to retire.
//
// # The lease
//
// One row says that the worker lives, and each beat renews it for a lease. A good beat also gives what runs
// nine tenths of a lease from when it was sent, by this machine's own clock; the shims count it too, so that
// a frozen worker's commands die without it.
//
//   - A beat fails: it is repeated each half second. Nothing is interrupted until the nine tenths are over.
//   - They are over: what runs is killed and ended as lost, if nobody else has ended it. The worker leaves
//     with ErrDead, to be started anew.
//   - The worker was buried: its next beat is refused, and the same follows at once. Its writes are refused
//     by the attempts' own rows, if those were taken from it.
//   - Its session is lost, with the lock by which others see that it lives: it beats at once, and each half
//     second until it has another.
package worker
