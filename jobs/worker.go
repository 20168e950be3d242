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
	StartedAt  time.Time
	BeatAt     time.Time
	LeaseUntil time.Time
	Running    int // attempts it runs now
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
}

// Queue is the name of the River queue of a pool.
func Queue(pool string) string { return "pool_" + pool }
