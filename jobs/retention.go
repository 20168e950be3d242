package jobs

import "time"

// Retention is how long ended tasks, and what they left, are kept after their end. Zero is for ever.
type Retention struct {
	Tasks     time.Duration // the task itself, and with it all the rest; deliveries as long after theirs
	Logs      time.Duration // what it printed; gone by whole days
	Artifacts time.Duration
}
