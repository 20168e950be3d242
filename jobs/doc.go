// Package jobs is the vocabulary of Freshet: what the rest of the program speaks of, with no idea of
// how it is stored, run or served.
//
// A Task is one request for work of a Kind; it is the public record. Each try at it is an Attempt,
// whose number is the Fence: a write that does not carry the number of the running attempt, and the
// worker that runs it, changes nothing. What happens to a task is a numbered Event; what its command
// prints is a LogChunk. Events and chunks of a task share one sequence without gaps. An Endpoint hears of events
// by Deliveries. A Schedule makes tasks at times.
//
// States of a task:
//
//	pending ──► running ──► completed | failed | cancelled
//	   ▲  │        │
//	   │  └────────┼─────► cancelled | failed (expired)
//	   ├───────────┘        retry after a failure, or an interruption
//	   └── completed | failed | cancelled      a retry by hand begins a new run
//
// States of an attempt:
//
//	held ──► queued ──► running ──► ended (completed | failed | cancelled | interrupted | lost)
//	  ▲─────────┘ a claim refused for a pause, a missing kind, or a credential that must not be used
//	held | queued ──► ended (cancelled | expired)
package jobs
