package crew

import (
	"cmp"
	"syscall"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/process"
)

// Program is what a crew keeps alive.
type Program struct {
	Name      string // unique in the crew; also of its log files
	Instances int
	// Command is how an instance is started. The id is another for each process. Output and what the
	// environment says of the supervisor are the crew's.
	Command func(id uuid.UUID, instance int) process.DaemonSpec
	// Retire is the signal that has it finish what it does and leave, when another took its place. Zero
	// is SIGTERM.
	Retire syscall.Signal
	// ReadyWithin is how long it may take until it is ready. Zero is a minute.
	ReadyWithin time.Duration
	// StopWithin is what it may take to end after SIGTERM, until it is killed. Zero is 30 s.
	StopWithin time.Duration
	// RetireWithin is how long it may take after Retire until it is stopped as by SIGTERM. Zero: as long as
	// it wants.
	RetireWithin time.Duration
	// Memory is how many resident bytes of its own it may hold. Zero: as many as it wants.
	Memory int64
	// MaxAge is how long it may be ready until it is replaced, less up to a fifth, so that instances which
	// were started together are not replaced together. Zero: as long as it lives.
	MaxAge time.Duration
}

const (
	defaultReadyWithin = time.Minute
	defaultStopWithin  = 30 * time.Second
)

func (p Program) retire() syscall.Signal     { return cmp.Or(p.Retire, syscall.SIGTERM) }
func (p Program) readyWithin() time.Duration { return cmp.Or(p.ReadyWithin, defaultReadyWithin) }
func (p Program) stopWithin() time.Duration  { return cmp.Or(p.StopWithin, defaultStopWithin) }
