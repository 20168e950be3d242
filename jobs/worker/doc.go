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
package worker
