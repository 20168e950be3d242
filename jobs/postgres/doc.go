// Package postgres keeps Freshet's state: it holds all the SQL there is.
//
// # Rules that every statement obeys
//
// One Store method is one transaction and one state change, and nearly always one statement over arrays,
// so that a frozen process holds no lock between two round trips. SubmitAll and SaveArtifact need more
// than one; they hold locks on rows that nobody else has seen yet, and SaveArtifact takes its fence last.
// Tick and ChangeSchedule hold locks on schedules meanwhile, which nobody but ChangeSchedule and
// SyncSchedules waits for; ChangeEndpoint and RotateKey hold one on what they change. AdmitLimited and
// TakeDeliveries are two statements in one round trip: a lock, under which the second one counts.
//
// Locks are taken in one order everywhere: schedule, task, attempt, River job, delivery, endpoint, ids
// ascending. A first CTE locks (ORDER BY id FOR UPDATE); every later CTE reads what the one before returned,
// because PostgreSQL runs data-modifying CTEs in no particular order otherwise.
//
// A statement decides only from what its locking CTE or a RETURNING gave it. Rows younger than its
// snapshot are invisible even after it waited for a lock: a cancel that waited for the end of attempt
// 1 does not see attempt 2. So a statement that could lock a task but not its current attempt answers
// "stale", changes nothing, and is run again, with a new snapshot.
//
// Provision decides for a pool under an advisory lock, which it only tries to get, and writes down what is to be
// started; Retire counts under its pool's lock.
//
// Events and log chunks of a task share one sequence. tasks.seq is advanced under the task's lock in
// the statement that writes the rows, so the order of seq is the order of commits, without gaps.
//
// Whatever happens to a task is written by tellSQL: the event, and a delivery to each endpoint that hears of it.
// The endpoints are read without a lock; one that goes meanwhile leaves deliveries that the janitor removes.
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
// # The wall
//
// Row-level security (migration 111) is a second wall behind the API's own check of whose task it is. It
// stands where the Store's role does not own the tables; the owner's statements know nothing of it. Such a
// role is granted all of Freshet's work, and sees everybody's rows until a transaction names an owner in
// freshet.owner. As puts the owner into a context, and the reads that the API answers from name it in
// their own transaction, by one more message of the same round trip: never in the session, which a
// transaction pooler shares.
//
// Not narrowed is what is for everybody: the Hub's reads, which serve all streams at once, and whatever
// reapers, couriers and clocks do. Nor is what writes, since a change of ada's task may have to tell bob's
// endpoint; its callers have read the task as its owner before. What only an owner of tables can do, which
// is to make and drop a day's partitions, is done by make_day and drop_day for those who may call them.
//
//	the API forgets its check          the read finds nothing: 404, or an empty list
//	a context names nobody ("")        nothing is seen
//	somebody has the role's password   no wall: the role can name whom it likes
//
// # Failures
//
//	the connection breaks after a commit    the caller retries: Claim and End recognise their own record,
//	                                        Flush counts spool records, Submit has its key
//	two statements deadlock                 excluded by the order above; a property test holds it
//	a worker writes after it was replaced   its fence matches no running attempt: no row changes
package postgres
