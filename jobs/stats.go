package jobs

import "time"

// Stats is what waits and what runs, of everybody's or of one owner's tasks, and who is there to run it, all
// at one moment. Tasks that have ended are not counted: that would take the longer the more there are.
type Stats struct {
	Kinds []KindStats // that have a task that has not ended, by name
	Pools []PoolStats // the current ones, and others that still have something, by name; nil when it is about one owner
}

// KindStats are the tasks of a kind that have not ended.
type KindStats struct {
	Kind    string
	Waiting map[WaitReason]int // pending ones, by what is written down as the reason
	Running int
}

// Pending is how many wait, for whatever reason.
func (k KindStats) Pending() (n int) {
	for _, waiting := range k.Waiting {
		n += waiting
	}
	return n
}

// PoolStats is the load of a pool.
type PoolStats struct {
	Pool    string
	Queued  int           // attempts that wait for a slot
	Oldest  time.Duration // how long the first of them has waited; zero when none does
	Running int           // attempts
	Workers int           // with a live lease
	Slots   int           // of these workers
	Units   map[UnitState]int
	Started int                 // units ever whose worker came up
	Ended   map[UnitOutcome]int // units ever that ended
}

// Connections are those of one process to the database, as it has used them since it started.
type Connections struct {
	Acquired, Idle, Max int
	Acquires            int64
	Waits               int64 // acquires that found no connection idle
	Waited              time.Duration
}
