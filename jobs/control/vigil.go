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
//
// How long a worker has been silent is measured by this process's own monotonic clock. The database's
// may jump: then the times of all beats are wrong at once, and still each beat differs from the last.
type vigil struct {
	since time.Time // of unbroken watching; zero: it has not begun
	seen  map[uuid.UUID]sighting
}

// sighting is what the vigil knows of a worker.
type sighting struct {
	beat     time.Time // the last one, by the database's clock: to be compared, not reckoned with
	at       time.Time // when that was seen first
	locked   bool      // its lock was seen once
	unlocked time.Time // since when, and since the last beat, the lock is missing; zero: it is not
}

// breakOff forgets what was seen.
func (v *vigil) breakOff() { *v = vigil{} }

// judge looks at the living and names the dead. began and now are when the look began and ended.
func (v *vigil) judge(began, now time.Time, vitals []jobs.Vital) (dead []jobs.Vital) {
	if now.Sub(began) > slowLook {
		v.breakOff()
	}
	if v.since.IsZero() {
		v.since = now
	}
	seen := make(map[uuid.UUID]sighting, len(vitals))
	for _, vital := range vitals {
		s := v.seen[vital.Worker].next(vital, now)
		seen[vital.Worker] = s
		expired := now.Sub(s.at) > vital.Lease
		gone := !s.unlocked.IsZero() && now.Sub(s.unlocked) >= apart
		if now.Sub(v.since) > vital.Lease && (expired || gone) {
			dead = append(dead, vital)
		}
	}
	v.seen = seen
	return dead
}

// next is what is known after another look.
func (s sighting) next(vital jobs.Vital, now time.Time) sighting {
	if s.at.IsZero() || !s.beat.Equal(vital.Beat) {
		s = sighting{beat: vital.Beat, at: now, locked: s.locked}
	}
	s.locked = s.locked || vital.Locked
	switch {
	case !vital.Session || !s.locked || vital.Locked:
		s.unlocked = time.Time{}
	case s.unlocked.IsZero():
		s.unlocked = now
	}
	return s
}
