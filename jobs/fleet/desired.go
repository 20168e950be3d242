package fleet

import (
	"math"
	"time"

	"freshet/jobs"
)

const (
	// failuresToOpen is from how many failed units in a row on a pool is taken to be broken.
	failuresToOpen = 5
	// openFor is how long nothing is tried then; twice as long after each further failure, up to openMax.
	openFor = 2 * time.Minute
	openMax = 8 * time.Minute
)

// Decide is what a look at a pool leads to: how many units it should start now, and whether it starts none whatever
// comes, until time has passed.
func Decide(d jobs.Demand) (units int, heldBack bool) {
	broken := d.Failures >= failuresToOpen && Pause(d) > 0
	return Desired(d), broken || !d.NoBudget && affordable(d) < 1
}

// Desired is how many units a pool should start now.
func Desired(d jobs.Demand) int {
	if d.Paused || d.Slots < 1 || Pause(d) > 0 {
		return 0
	}
	missing := max(0, d.Ready-d.Free-d.Booting)
	need := max((missing+d.Slots-1)/d.Slots, d.Min-d.Units)
	need = min(need, d.Max-d.Units)
	if d.StartsPerMinute > 0 {
		need = min(need, d.StartsPerMinute-d.Recent)
	}
	if d.Failures >= failuresToOpen {
		need = min(need, 1)
	}
	if !d.NoBudget {
		need = min(need, affordable(d))
	}
	return max(0, need)
}

// affordable is how many more units today's budget lets start: each has to be able to run for a while, with those
// that run beside it.
func affordable(d jobs.Demand) int {
	const leastHours = 0.1 // to be worth its start
	const rounding = 1e-9
	return int(math.Floor(d.BudgetLeft/leastHours+rounding)) - d.Units
}

// Pause is how long nothing is to be started yet, because of what failed; zero or less: no longer.
func Pause(d jobs.Demand) time.Duration {
	switch n := d.Failures; {
	case n < 2: // the first may have been an accident, and somebody waits
		return 0
	case n < failuresToOpen:
		return time.Second<<(n-2) - d.FailedFor
	default:
		return min(openFor<<min(n-failuresToOpen, 8), openMax) - d.FailedFor
	}
}
