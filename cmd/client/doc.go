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
// Follow shows what happens to a task, each entry once and in order, until the task has ended. Events
// and log chunks share one sequence, but are two lists. So it first asks for the task, whose seq says
// how far both lists are whole, and then merges them up to there, a page at a time:
//
//	ask for the task, until its seq is past the last one ──► merge both lists up to seq ──► ended? done
//	        ▲                                                                                │ no
//	        └────────────────────────────────────────────────────────────────────────────────┘
//
// Nothing is lost at the end, because an attempt's output is stored before its end is. A server that
// goes away is asked again, sooner at first and then more slowly, until Watch.Patience is over; the
// place in each list is kept, so nothing is shown twice.
package client
