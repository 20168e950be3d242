// Package control is the control plane, which runs inside every API replica.
//
//	Controller   admits attempts that are held, as far as limits let it, fails those that waited too long, and
//	             makes the partitions of the days to come
//	Reaper       ends the attempts of dead workers and queues the next ones, and puts back what a worker
//	             fetched and did not live to claim, or somebody took out of River's tables by hand
//	Clock        makes the tasks of schedules that are due
//	Courier      brings deliveries to endpoints and to the webhooks of tasks
//	Janitor      removes what is kept no longer
//	Reconciler   starts workers where work waits for them; package fleet says when, and what becomes of them
//	Sleeper      stops all of these, and whatever else asks the database by itself, while there is nothing to do
//
// There is no leader. Statements skip the rows that another replica holds, so replicas share the work. In two
// they take turns, by an advisory lock: what is admitted under a limit, and what is taken to be delivered, must be
// counted by one at a time. A pass begins at a hint, at the next time that something is due, or after a sweep
// interval, whichever comes first: the sweep is what makes a lost hint harmless.
//
// # When a worker is dead
//
//	somebody saw its process end     at once: Store.WorkerDied
//	its lock is gone, and no beat    after two looks, 2 s apart
//	no beat for a whole lease        then
//
// The last two are judged by the vigil, which only believes them after it has watched for a lease without
// a break: it may have been cut off together with the workers. The judgement is a permission. Bury declares
// dead whoever has not beaten since, in one statement; from then on the worker can neither beat nor claim,
// and Reap, which ends its attempts under their locks, takes from it the fence of each write. So a judgement
// that was wrong costs an attempt, and never lets two workers write for one.
//
// # What somebody does to River's rows
//
// A River job is a hint that an attempt is queued; the attempt's own row, and the number of the River job in it, is
// the truth. So whatever becomes of River's rows, an attempt runs once, for a claim names both; and it is not
// stuck, for each look of the Reaper puts back what River would not hand out any more, and one in ten seconds
// looks at each queued attempt. docs/river-ui.md says what happens to which act.
//
// # Deliveries
//
//	pending ──► taken ──► delivered
//	   ▲          ├─────► failed      given up, or the receiver answered 410
//	   └──────────┘ the answer was no success, or whoever took it was not heard of for a minute
//
// A delivery is made in the transaction of its event. Each time that it is taken it gets another number, which is
// the fence of what is recorded of the sending. The body is made at the first, of what was kept of the event,
// and is the same ever after. So an event arrives at least once, and under one id.
//
// # Sleep
//
//	awake ──► stopping ──► asleep
//	  ▲          │            │
//	  └──────────┴────────────┘ somebody uses the database, or something is due
//
// Where the operator wants it, the parts are stopped when nothing goes on. What they do at last may change that, so it
// is looked at once more when they have stopped; only then are the connections closed. From then on whoever takes a
// connection wakes them, whatever for: no request has to remember to. Each part looks at everything when it starts, so
// that nothing is lost that was told to nobody.
//
// # Failures
//
//   - A replica dies between a sending and the note of it: the message is sent again, with the same id. One that
//     was frozen meanwhile, and wakes, notes nothing: its number is not the last.
//   - A courier that is told to stop sends what it has taken, which takes seconds, and takes no more.
//   - A replica dies in a Tick: its transaction leaves nothing, and another's Tick finds the schedule due.
//   - No replica was there when a schedule was due: it is due still, and makes one task for all the times
//     that went by, or none, as it says itself.
//   - A replica dies between Bury and Reap: the others reap, since a death never changes back.
//   - The database is away: nothing is judged, and the vigil begins anew.
//   - A replica is frozen and wakes: its look counts as slow, and its vigil begins anew.
package control
