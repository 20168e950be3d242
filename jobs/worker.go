package jobs

import (
	"time"

	"github.com/google/uuid"
)

// Worker is a process that pulls attempts for one pool.
type Worker struct {
	ID         uuid.UUID
	Pool       string
	Host       string
	PID        int
	Slots      int
	Kinds      []string // names of the kinds that its own freshet.yaml has
	Version    string
	Lease      time.Duration // how long it counts as alive after a beat
	Session    bool          // it holds its lock in a session of its own, so that the loss of it is a sign of death
	StartedAt  time.Time
	BeatAt     time.Time
	LeaseUntil time.Time
	Running    int        // attempts it runs now
	Unit       string     // the provider's name of what it runs in; empty: nobody's
	Generation string     // of the pool, when it was started; empty: none, and never over
	RetiringAt *time.Time // since when it takes nothing, and is about to leave
}

// Vital is what can be seen of a worker that counts as alive.
type Vital struct {
	Worker  uuid.UUID
	Beat    time.Time // the last one, by the database's clock
	Lease   time.Duration
	Session bool // it should hold its lock
	Locked  bool // it does
}

// Death is what is known of how a worker died: one of the two, or nothing.
type Death struct {
	ExitCode *int
	Signal   string
}

// Pool is a group of like workers.
type Pool struct {
	Name     string
	Provider string
	Slots    int
	PausedAt *time.Time
	Workers  int // with a live lease
	Queued   int // attempts that wait for a slot
	Running  int
	Fleet    *PoolFleet // nil: Freshet does not start its workers
	Units    int        // that have not ended; of a pool with a fleet
	Booting  int        // of these, those without a worker yet
}

// PoolFleet is how Freshet starts the workers of a pool.
type PoolFleet struct {
	Min, Max        int           // units
	Generation      string        // of image and settings
	StartTime       time.Duration // usually, from an order to a worker
	StartsPerMinute int           // units; zero: without limit
	BudgetHours     *float64      // unit-hours a day (UTC); nil: without limit
}

// Queue is the name of the River queue of a pool.
func Queue(pool string) string { return "pool_" + pool }
