package control

import (
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

const (
	// lookEvery is how often the reaper looks at the workers.
	lookEvery = 2 * time.Second
	// apart is how long a worker must have been seen without its lock; a little less than a look, since
	// no two are quite as far from each other.
	apart = lookEvery - 100*time.Millisecond
	// slowLook is from when a look counts as one that was cut off: what it saw may be long past.
	slowLook = 2 * time.Second
)

// vigil judges from look to look who is dead. It only ever gives the permission to bury: the database
// grants it to those alone who gave no sign of life since.
//
// Whoever watches may have been cut off himself, together with the workers, by a database that was away.
// So the vigil begins anew after each look that failed or was slow, and a worker has its whole lease
// from then on to be heard of again.
type vigil struct {
	since   time.Time // of unbroken watching; zero: it has not begun
	locked  map[uuid.UUID]bool
	missing map[uuid.UUID]sighting // workers that were seen without the lock that they had
}

type sighting struct {
	at   time.Time
	beat time.Time
}

// breakOff forgets what was seen.
func (v *vigil) breakOff() { *v = vigil{} }

// judge looks at the living and names the dead. began and now are when the look began and ended.
func (v *vigil) judge(began, now time.Time, vitals []jobs.Vital) (dead []jobs.Vital) {
	if now.Sub(began) > slowLook {
		v.breakOff()
	}
	if v.since.IsZero() {
		*v = vigil{since: now, locked: map[uuid.UUID]bool{}, missing: map[uuid.UUID]sighting{}}
	}
	locked, missing := make(map[uuid.UUID]bool, len(vitals)), make(map[uuid.UUID]sighting)
	for _, vital := range vitals {
		locked[vital.Worker] = vital.Locked || v.locked[vital.Worker]
		if now.Sub(v.since) < vital.Lease {
			continue
		}
		gone := vital.Session && locked[vital.Worker] && !vital.Locked
		if gone {
			seen, before := v.missing[vital.Worker]
			if !before || !seen.beat.Equal(vital.Beat) {
				seen = sighting{now, vital.Beat}
			}
			missing[vital.Worker] = seen
			gone = now.Sub(seen.at) >= apart
		}
		if gone || vital.Expired {
			dead = append(dead, vital)
		}
	}
	v.locked, v.missing = locked, missing
	return dead
}
