// Package tracing tells a collector of OpenTelemetry what belongs together: the request that submitted a task,
// its attempts, and what each of them ran.
//
//	request ─► submit ─► attempt 1 ─► run
//	                 └─► attempt 2 ─► run
//
// The trace of a submit lies with the task, as a traceparent of W3C Trace Context, so that an attempt belongs to
// it on whichever machine and however much later it runs. A request that carries a traceparent goes on in its
// trace, and what an attempt runs is told its own in turn.
//
// A nil *Tracer makes no spans and costs nothing. What came with a request is passed on all the same.
//
// Spans are kept in memory and sent every few seconds. A collector that does not answer loses some; nothing of
// Freshet waits for it.
//
// No attribute names an owner, or holds anything that a user wrote.
package tracing
