// Package client speaks to a Freshet server over HTTP. It knows nothing of terminals and flags.
//
// Every answer is given as it was read and as it was sent: an Answer holds both, so that a program can
// pass the server's JSON on without loss, fields of later versions included.
//
// Errors are a *Problem when the server refused, an *Unreachable when there was no answer of a Freshet
// server at all, and the context's cause when the caller gave up.
//
// # Following
//
// Follow shows what happens to a task, each entry once and in order, until the task has ended. It reads
// the task's stream of server-sent events, and at last the task:
//
//	open after the last id ──► snapshot, entries, beats ──► end, or 204 ──► read the task ──► ended? done
//	        ▲                             │ broke off                                           │ no
//	        └──────── pause ◄─────────────┴─────────────────────────────────────────────────────┘
//
// Nothing is lost, because the stream goes on after the id that it is resumed with, and nothing is shown
// twice, because what has a seq that was told already is dropped.
//
//   - A stream that breaks off, or is silent for Watch.Silence, is opened again after a pause that begins
//     with what the server asked for, doubles and is spread by chance.
//   - A server that is away for Watch.Patience is an error. So is, at once, one that never answered, a
//     refusal that time does not mend, and an event that is too long or none.
package client
