package fleettest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/fleet"
)

// Rig is a pool of a provider, without a unit, and a hand behind the provider's back.
type Rig struct {
	// Replica makes another replica's hold on the pool. Two share nothing but the provider itself.
	Replica func() fleet.Fleet
	// Running is how many workers there are, by the processes.
	Running func() int
	// End has the worker of a unit end by itself with 0, and returns when the process is gone.
	End func(id string)
	// Foreign puts beside the pool's units what another pool, another installation and nobody of ours left
	// there, running and stopped. Nil: nobody else's can be there.
	Foreign func()
	// Forgets: nothing is known of a unit that has ended, so that its order would start another.
	Forgets bool
	// Faults are the ways in which the provider can misbehave.
	Faults []Fault
}

// Outcome is what Start makes of a fault.
type Outcome int

// The outcomes.
const (
	Well    Outcome = iota // one unit is started
	Refused                // fleet.ErrRefused, and nothing runs
	Unclear                // another error when the time is over; the same order, given after Heal, ends well
)

// Fault is a way to misbehave.
type Fault struct {
	Name    string
	Inject  func(rig Rig)
	Heal    func() // ends it; nil: it ends by itself
	Outcome Outcome
}

func (f Fault) heal() {
	if f.Heal != nil {
		f.Heal()
	}
}

const (
	patience  = 30 * time.Second       // for what must come
	impatient = 500 * time.Millisecond // for a Start that cannot end well
)

// bench is a rig in use.
type bench struct {
	*testing.T
	Rig
}

func order() fleet.Order { return fleet.Order{Intent: uuid.New(), Generation: "one"} }

func (b bench) start(f fleet.Fleet, order fleet.Order) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	id, err := f.Start(ctx, order)
	if err != nil {
		b.Fatalf("start: %v", err)
	}
	if id == "" {
		b.Fatal("start answered no id")
	}
	return id
}

// startAndEnd leaves a unit whose worker has ended by itself.
func (b bench) startAndEnd() string {
	b.Helper()
	id := b.start(b.Replica(), order())
	b.runs(1)
	b.End(id)
	b.runs(0)
	return id
}

// list is the pool by its ids, as a replica sees it that knows of nothing yet.
func (b bench) list() map[string]fleet.Unit {
	b.Helper()
	units, err := b.Replica().List(b.Context())
	if err != nil {
		b.Fatalf("list: %v", err)
	}
	found := map[string]fleet.Unit{}
	for _, unit := range units {
		if _, twice := found[unit.ID]; twice {
			b.Errorf("%s is listed twice", unit.ID)
		}
		found[unit.ID] = unit
	}
	return found
}

// alive are the ids of units in which a worker is said to be running. Of an unknown one nobody can say.
func (b bench) alive() []string {
	b.Helper()
	var ids []string
	for id, unit := range b.list() {
		if unit.State.Alive() && unit.State != fleet.Unknown {
			ids = append(ids, id)
		}
	}
	return ids
}

// runs waits until n workers run, and the provider says so too.
func (b bench) runs(n int) {
	b.Helper()
	b.until("workers run", func() bool { return b.Running() == n && len(b.alive()) == n }, func() any {
		return map[string]any{"want": n, "running": b.Running(), "list": b.list()}
	})
}

func (b bench) until(what string, yes func() bool, state func() any) {
	b.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-deadline.C:
			b.Fatalf("%s: not within %v: %+v", what, patience, state())
		case <-tick.C:
		}
	}
}
