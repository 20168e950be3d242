// Package cloudrun starts workers as executions of a Cloud Run job. One execution is one unit, and its short
// name is the unit's id, which the worker in it finds in CLOUD_RUN_EXECUTION.
//
// The job is the operator's: its image, its secrets, and its arguments, "worker --pool NAME --idle-exit". An
// execution is the job with these variables on top, by which it is known again:
//
//	FRESHET_INSTALL     which installation of Freshet
//	FRESHET_POOL        which of its pools
//	FRESHET_INTENT      which order
//	FRESHET_GENERATION  which generation of the pool
//
// Executions that carry another installation or pool, or none, are others': they are not listed. One that has
// ended cannot be started again, so each order has an execution of its own.
//
// # An order is carried out once
//
// The API takes no name and no key with jobs:run, so that the same request twice is two executions. Start
// therefore looks for an execution of the order before it asks for one. It looks once more afterwards: where
// two replicas asked at once, both keep the one that was created first, and cancel the others. What is not
// listed yet, in spite of its answer, counts too.
//
// Two other ways were weighed. The job's startExecutionToken makes an execution with a name that the caller
// chooses, which would be exact; but it is set by an update of the job itself, which carries no variables for
// one execution, which replicas would overwrite for each other, and which needs the permission to replace the
// image. The etag of jobs:run refuses a job that was changed since it was read; whether a new execution is such
// a change is nowhere said.
//
// What is left is the time until a duplicate is cancelled: a worker may run in it for that long. It has the
// same slots, claims under the same fence and hands over what it holds, so that it costs money and nothing else.
// A duplicate that a list keeps back for longer than that is cancelled by an audit, as long as the one that was kept runs.
//
// # Failures
//
//	429, 409 ABORTED        nothing was done; asked again after Retry-After, or 0.5 s, 1 s, 2 s … 30 s
//	500, 502, 503, 504, 408 nobody knows; the same, and Start looks for the execution before it asks again
//	no answer, or half of   nobody knows; the same
//	400 FAILED_PRECONDITION of a delete: it still runs; the same. Of a cancel: it has ended, if it has
//	404                     of a cancel or a delete: done. Of jobs:run: refused
//	all other 4xx           refused
//
// Start answers fleet.ErrRefused only when it saw no execution of the order, and the last answer says that
// none was made, and no answer before that was lost. Quotas are such answers: there are at most 1,000 running
// executions in a project's region, and so many requests in a minute.
//
// # Sources
//
// REST reference of projects.locations.jobs.run, .executions and .executions.tasks, version 2, and the
// comments of google.cloud.run.v2 in cloud.google.com/go/run v1.22.0. Nothing here has been run against Cloud
// Run itself: the tests are against the stand-in of runfake, whose names Google's own client reads and writes in
// deploy/check/cloudrun.
package cloudrun
