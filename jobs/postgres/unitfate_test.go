package postgres_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"freshet/jobs"
)

// TestUnitWhoseWorkerIsStartedAgain by its provider, after a crash, is the same unit, and counts.
func TestUnitWhoseWorkerIsStartedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	b.submit()
	b.ok(b.UnitStarted(t.Context(), b.provision(bootTime).Orders[0].Intent, "machine"))
	first := b.unitWorker("machine", "1")
	again := b.unitWorker("machine", "1")
	b.ok(b.WorkerDied(t.Context(), first, jobs.Death{Signal: "SIGKILL"}))
	if p := b.provision(bootTime); p.Demand.Units != 1 || p.Demand.Failures != 0 {
		t.Errorf("after a restart: %+v", p.Demand)
	}
	b.units(jobs.UnitUp)
	b.ok(b.RemoveWorker(t.Context(), again))
	b.units()
}

func TestUnitsThatAreFound(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	b.submit()
	given := b.provision(bootTime).Orders[0].Intent
	b.ok(b.UnitEnded(t.Context(), given, jobs.UnitLate, "no worker came up in time"))
	unknown := uuid.New()
	workers := []uuid.UUID{b.unitWorker("late", "1"), b.unitWorker("unheard of", "1")}
	for range 2 { // as by two replicas
		b.ok(b.UnitFound(t.Context(), jobs.Unit{Pool: "default", Intent: given, ID: "late"}))
		b.ok(b.UnitFound(t.Context(), jobs.Unit{Pool: "default", Intent: unknown, ID: "unheard of"}))
		b.ok(b.UnitFound(t.Context(), jobs.Unit{Pool: "default", Intent: uuid.New(), ID: "left already"}))
	}
	if p := b.provision(bootTime); p.Demand.Units != 2 || p.Demand.Free != 8 || p.Demand.Failures != 0 {
		t.Errorf("with two that were found: %+v", p.Demand)
	}
	b.units(jobs.UnitUp, jobs.UnitUp)
	if pool := b.pool(); pool.Started != 2 || total(pool.Ended) != 1 { // a counter does not fall
		t.Errorf("counted %+v", pool)
	}
	for _, worker := range workers {
		b.ok(b.RemoveWorker(t.Context(), worker))
	}
	b.units()
	b.provision(bootTime)
	if pool := b.pool(); pool.Started != 2 || pool.Ended[jobs.UnitLeft] != 2 || total(pool.Ended) != 3 {
		t.Errorf("counted in the end %+v", pool)
	}
}

// TestOrdersThatNobodyAnswered are given up once their time is over, but not while somebody may be at them.
func TestOrdersThatNobodyAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	b.submit()
	intent := b.provision(bootTime).Orders[0].Intent
	b.exec(`UPDATE freshet.fleet_units SET boot_until = clock_timestamp()`)
	if p := b.provision(bootTime); len(p.Late) != 0 || p.Demand.Units != 1 {
		t.Fatalf("while somebody may be at it: %+v", p)
	}
	b.exec(`UPDATE freshet.fleet_units SET ordered_at = ordered_at - interval '61 seconds' WHERE intent = (SELECT min(intent::text)::uuid FROM freshet.fleet_units)`)
	p := b.provision(bootTime)
	if len(p.Late) != 1 || p.Late[0].Intent != intent || p.Late[0].ID != "" {
		t.Fatalf("after that: %+v", p)
	}
	if slices.ContainsFunc(p.Orders, func(order jobs.Unit) bool { return order.Intent == intent }) {
		t.Error("it is given again")
	}
}
