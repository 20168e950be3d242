package jobs

import (
	"time"

	"github.com/google/uuid"
)

// UnitState is how far a unit has come.
type UnitState string

// The states of a unit, in their order.
const (
	UnitIntended UnitState = "intended" // it is written down that it is to be started
	UnitStarting UnitState = "starting" // its provider has taken the order
	UnitUp       UnitState = "up"       // its worker has registered
	UnitEnded    UnitState = "ended"
)

// UnitOutcome is how a unit ended.
type UnitOutcome string

// The outcomes of a unit.
const (
	UnitLeft    UnitOutcome = "left"    // its worker left by itself
	UnitDied    UnitOutcome = "died"    // its worker, or its process before there was one
	UnitLate    UnitOutcome = "late"    // no worker came up in time
	UnitRefused UnitOutcome = "refused" // its provider did not start it
	UnitGone    UnitOutcome = "gone"    // its provider does not run it any more
)

// UnitOutcomes are all of them.
func UnitOutcomes() []UnitOutcome {
	return []UnitOutcome{UnitLeft, UnitDied, UnitLate, UnitRefused, UnitGone}
}

// Unit is a process or a machine that a provider starts, and in which one worker runs. The row is written
// before the provider is asked, so that nothing that costs money is unknown.
type Unit struct {
	Intent     uuid.UUID // its key: the decision to start it
	Pool       string
	ID         string // the provider's own name for it; empty until the provider has answered
	Generation string // of the pool, when it was started
	State      UnitState
	CreatedAt  time.Time
	BootUntil  time.Time // by when its worker must have registered
	SeenAt     *time.Time
	EndedAt    *time.Time
	Failed     bool   // it never did what it was started for: it did not come up, or its worker died within seconds
	Reason     string // why it ended
}

// Demand is what a pool needs and what it has, at one moment.
type Demand struct {
	Paused          bool          // nothing starts
	Ready           int           // attempts that wait for a slot, or will before a worker could be up
	Free            int           // slots of living workers that nothing runs in
	Booting         int           // slots of units whose worker has not registered yet
	Units           int           // units that have not ended
	Slots           int           // of one worker
	Min, Max        int           // units
	Recent          int           // units that were ordered within the last minute
	StartsPerMinute int           // how many may be; zero: as many as there are to be
	Failures        int           // units that failed, since one last did its work, in the last ten minutes
	FailedFor       time.Duration // how long ago the last of these ended
	BudgetLeft      float64       // unit-hours that may still be used today; of no meaning without a budget
	NoBudget        bool          // there is none
}
