package jobs

import "time"

// Settings are what is true for all processes together.
type Settings struct {
	Maintenance *Maintenance // nil: none
	Reload      int64        // how often a reload was asked for: a process that saw another number reloads
}

// Maintenance is a time in which nothing new is taken and nothing that waits starts; what runs goes on.
type Maintenance struct {
	Since   time.Time
	Message string // for users; may be empty
}
