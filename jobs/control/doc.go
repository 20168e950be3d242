// Package control is the control plane, which runs inside every API replica.
//
//	Controller   admits attempts that are held, fails those that waited too long, and makes the partitions
//	             of the days to come
//	Reaper       ends the attempts of dead workers and queues the next ones, and puts back what a worker
//	             fetched and did not live to claim
//	Clock        makes the tasks of schedules that are due
//	Janitor      removes what is kept no longer
//
// There is no leader. Every statement skips the rows that another replica holds, so replicas share the
// work and none waits for another. A pass begins at a hint, at the next time that something is due,
// or after a sweep interval, whichever comes first: the sweep is what makes a lost hint harmless.
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
// # Failures
//
//   - A replica dies in a Tick: its transaction leaves nothing, and another's Tick finds the schedule due.
//   - No replica was there when a schedule was due: it is due still, and makes one task for all the times
//     that went by, or none, as it says itself.
//   - A replica dies between Bury and Reap: the others reap, since a death never changes back.
//   - The database is away: nothing is judged, and the vigil begins anew.
//   - A replica is frozen and wakes: its look counts as slow, and its vigil begins anew.
package control
