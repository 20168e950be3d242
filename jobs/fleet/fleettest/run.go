package fleettest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"freshet/jobs/fleet"
)

// Run holds a provider to its contract. Each case has a rig of its own.
func Run(t *testing.T, newRig func(t *testing.T) Rig) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(b bench)
	}{
		{"a unit is started, and listed as what it is", starts},
		{"an order is carried out once", startsOnce},
		{"replicas that carry out one order at once start one unit", startsOnceTogether},
		{"orders have a unit each, also from several replicas at once", startsEach},
		{"a unit whose worker exits 0 stays down", staysDown},
		{"an order that ran is not carried out again", neverAgain},
		{"a new generation goes in no unit of the old one", changesGeneration},
		{"units of others are neither listed nor used", hidesForeign},
		{"stop ends a unit, and is no error twice", stops},
		{"destroy ends a unit and forgets it", destroys},
		{"an order whose context has ended is not refused", ends},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(bench{t, newRig(t)})
		})
	}
	for i, fault := range newRig(t).Faults {
		for _, warm := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, with a unit that is stopped: %v", fault.Name, warm), func(t *testing.T) {
				t.Parallel()
				b := bench{t, newRig(t)}
				if warm {
					b.startAndEnd()
				}
				b.survives(b.Faults[i])
			})
		}
	}
}

func starts(b bench) {
	if units := b.list(); len(units) > 0 {
		b.Fatalf("the pool begins with %+v", units)
	}
	order, before := order(), time.Now().Add(-time.Minute) // clocks of providers differ
	id := b.start(b.Replica(), order)
	b.runs(1)
	b.until("the unit runs", func() bool { return b.list()[id].State == fleet.Running }, func() any { return b.list() })
	unit := b.list()[id]
	if unit.Intent != order.Intent || unit.Generation != order.Generation || unit.Exit != nil {
		b.Errorf("got %+v of %+v", unit, order)
	}
	if !unit.Since.IsZero() && unit.Since.Before(before) {
		b.Errorf("it was started at %v", unit.Since)
	}
}

func startsOnce(b bench) {
	order := order()
	here, there := b.Replica(), b.Replica()
	first := b.start(here, order)
	if again := b.start(here, order); again != first {
		b.Errorf("again: %s, not %s", again, first)
	}
	if elsewhere := b.start(there, order); elsewhere != first {
		b.Errorf("elsewhere: %s, not %s", elsewhere, first)
	}
	b.runs(1)
}

func startsOnceTogether(b bench) {
	// Half of the pool's units wait, so that a unit can be had in every way.
	b.startAndEnd()
	var orders []fleet.Order
	one, other := order(), order()
	for range 3 {
		orders = append(orders, one, other)
	}
	ids := b.together(orders)
	for i, id := range ids {
		if id != ids[i%2] {
			b.Errorf("one order has %s and %s", id, ids[i%2])
		}
	}
	if ids[0] == ids[1] {
		b.Errorf("two orders have %s", ids[0])
	}
	b.runs(2)
}

func startsEach(b bench) {
	orders := []fleet.Order{order(), order(), order(), order()}
	seen := map[string]bool{}
	for _, id := range b.together(orders) {
		seen[id] = true
	}
	b.runs(len(orders))
	if len(seen) != len(orders) {
		b.Errorf("%d orders have %d units", len(orders), len(seen))
	}
}

// together carries out orders at once, each by a replica of its own.
func (b bench) together(orders []fleet.Order) []string {
	b.Helper()
	ids, errs := make([]string, len(orders)), make([]error, len(orders))
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for i, order := range orders {
		replica := b.Replica()
		all.Go(func() { ids[i], errs[i] = replica.Start(ctx, order) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return ids
}

func staysDown(b bench) {
	id := b.startAndEnd()
	if unit, known := b.list()[id]; known {
		if unit.State != fleet.Stopped {
			b.Errorf("got %+v", unit)
		}
		if unit.Exit != nil && (unit.Exit.Code != 0 || unit.Exit.Requested || unit.Exit.OutOfMemory) {
			b.Errorf("it ended as %+v", unit.Exit)
		}
	}
	b.start(b.Replica(), order())
	b.runs(1)
}

func neverAgain(b bench) {
	if b.Forgets {
		b.Skip("this provider forgets what has ended")
	}
	order := order()
	id := b.start(b.Replica(), order)
	b.runs(1)
	b.End(id)
	b.runs(0)
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if again, err := b.Replica().Start(ctx, order); err == nil && again != id {
		b.Errorf("again: %s, not %s", again, id)
	}
	b.runs(0)
}

func changesGeneration(b bench) {
	b.startAndEnd()
	next := order()
	next.Generation = "two"
	id := b.start(b.Replica(), next)
	b.runs(1)
	if unit := b.list()[id]; unit.Generation != "two" || unit.Intent != next.Intent {
		b.Errorf("got %+v", unit)
	}
}

func hidesForeign(b bench) {
	if b.Foreign == nil {
		b.Skip("there are none with this provider")
	}
	b.Foreign()
	foreign := b.Running()
	if units := b.list(); len(units) > 0 {
		b.Errorf("others' are listed: %+v", units)
	}
	id := b.start(b.Replica(), order())
	b.until("one more runs", func() bool { return b.Running() == foreign+1 }, func() any { return b.Running() })
	if units := b.list(); len(units) != 1 || !units[id].State.Alive() {
		b.Errorf("got %+v", units)
	}
}

func stops(b bench) {
	f := b.Replica()
	id := b.start(f, order())
	b.runs(1)
	for _, what := range []string{"one that runs", "one that has ended"} {
		if err := f.Stop(b.Context(), id); err != nil {
			b.Errorf("%s: %v", what, err)
		}
		b.runs(0)
	}
	if err := f.Stop(b.Context(), "unknown"); err != nil {
		b.Errorf("one that does not exist: %v", err)
	}
}

func destroys(b bench) {
	f := b.Replica()
	running, ended := b.start(f, order()), b.start(f, order())
	b.runs(2)
	b.End(ended)
	b.runs(1)
	for _, id := range []string{running, ended, running, "unknown"} {
		if err := f.Destroy(b.Context(), id); err != nil {
			b.Errorf("%s: %v", id, err)
		}
	}
	b.runs(0)
	b.until("both are forgotten", func() bool { return len(b.list()) == 0 }, func() any { return b.list() })
}

func ends(b bench) {
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	order := order()
	if _, err := b.Replica().Start(ctx, order); err == nil || errors.Is(err, fleet.ErrRefused) {
		b.Errorf("got %v", err)
	}
	b.start(b.Replica(), order)
	b.runs(1)
}

// survives has an order carried out while the provider misbehaves, and once more by another replica.
func (b bench) survives(fault Fault) {
	b.Helper()
	fault.Inject(b.Rig)
	wait := patience
	if fault.Outcome == Unclear {
		wait = impatient
	}
	order := order()
	ctx, cancel := context.WithTimeout(b.Context(), wait)
	defer cancel()
	id, err := b.Replica().Start(ctx, order)
	switch fault.Outcome {
	case Refused:
		if !errors.Is(err, fleet.ErrRefused) {
			b.Fatalf("got %q, %v", id, err)
		}
		fault.heal()
		b.runs(0)
		return
	case Unclear:
		if err == nil || errors.Is(err, fleet.ErrRefused) {
			b.Fatalf("got %q, %v", id, err)
		}
	case Well:
		if err != nil {
			b.Fatal(err)
		}
	}
	fault.heal()
	if again := b.start(b.Replica(), order); id != "" && again != id {
		b.Errorf("again: %s, not %s", again, id)
	}
	b.runs(1)
}
