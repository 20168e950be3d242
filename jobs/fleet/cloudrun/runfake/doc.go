// Package runfake stands in for the API of Cloud Run in tests, as far as jobs and their executions go. It starts
// real processes, and misbehaves when it is told to.
//
// The schema is google.cloud.run.v2 as the published module cloud.google.com/go/run v1.22.0 has it, read on
// 2026-11-29. Google's own REST client lists, runs, cancels and deletes against it in deploy/check/cloudrun, so
// names and types are the real ones. Behaviour is not proven by that. Where the reference says nothing, the fake
// does what is harder for a client:
//
//   - Processes find the variables of a job's containers, CLOUD_RUN_EXECUTION among them.
//   - The same jobs:run twice makes two executions.
//   - An execution that runs cannot be deleted, and one that has ended cannot be cancelled: both are
//     400 FAILED_PRECONDITION.
//   - A cancelled execution is listed as running until its process has left, which it is given 10 s for.
//   - Lists come page by page, with at most MaxPage executions each, the newest first.
//   - Fields of a request that the schema does not have are 400 INVALID_ARGUMENT.
package runfake
