// Package postgres keeps Freshet's state: it holds all the SQL there is.
//
// # Rules that every statement obeys
//
// One Store method is one transaction and one state change, and nearly always one statement over arrays,
// so that a frozen process holds no lock between two round trips. SubmitAll and SaveArtifact need more
// than one; they hold locks on rows that nobody else has seen yet, and SaveArtifact takes its fence last.
// Tick and ChangeSchedule hold locks on schedules meanwhile, which nobody but ChangeSchedule and
// SyncSchedules waits for.
//
// Locks are taken in one order everywhere: schedule, task, attempt, River job, ids ascending. A first CTE locks
// (ORDER BY id FOR UPDATE); every later CTE reads what the one before returned, because PostgreSQL
// runs data-modifying CTEs in no particular order otherwise.
//
// A statement decides only from what its locking CTE or a RETURNING gave it. Rows younger than its
// snapshot are invisible even after it waited for a lock: a cancel that waited for the end of attempt
// 1 does not see attempt 2. So a statement that could lock a task but not its current attempt answers
// "stale", changes nothing, and is run again, with a new snapshot.
//
// Events and log chunks of a task share one sequence. tasks.seq is advanced under the task's lock in
// the statement that writes the rows, so the order of seq is the order of commits, without gaps.
//
// No NOTIFY is ever sent by a transaction that writes: it would serialise the commits. The Notifier
// sends hints afterwards, and a lost hint is harmless, because every reader looks again by itself.
//
// # Group commit
//
// Submit, Claim, Flush and End go through natural batchers: what arrives while the previous commit is
// in flight is committed together. A batch that fails is retried one by one, so that one bad item
// harms nobody else.
//
// # Failures
//
//	the connection breaks after a commit    the caller retries: Claim and End recognise their own record,
//	                                        Flush counts spool records, Submit has its key
//	two statements deadlock                 excluded by the order above; a property test holds it
//	a worker writes after it was replaced   its fence matches no running attempt: no row changes
package postgres
