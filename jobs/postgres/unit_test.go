package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/fleet"
	"freshet/jobs/postgres"
)

// bootTime is longer than any test.
const bootTime = time.Hour

// managed makes the bench's pool one whose workers Freshet starts.
func (b *bench) managed(change func(*jobs.PoolFleet)) {
	b.t.Helper()
	f := &jobs.PoolFleet{Max: 5, Generation: "1"}
	change(f)
	b.ok(b.SyncPools(b.t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4, Fleet: f}}))
}

func (b *bench) provision(boot time.Duration) postgres.Provision {
	b.t.Helper()
	p, err := b.Provision(b.t.Context(), "default", boot, fleet.Decide)
	b.ok(err)
	return p
}

// unitWorker registers the worker of a unit.
func (b *bench) unitWorker(unit, generation string) uuid.UUID {
	b.t.Helper()
	id := uuid.New()
	b.ok(b.RegisterWorker(b.t.Context(), jobs.Worker{
		ID: id, Pool: "default", Host: "here", PID: 1, Slots: 4, Kinds: []string{"work"}, Version: "test", Lease: lease,
		Unit: unit, Generation: generation,
	}))
	return id
}

func (b *bench) units(want ...jobs.UnitState) []jobs.Unit {
	b.t.Helper()
	units, err := b.Units(b.t.Context(), "default")
	b.ok(err)
	if len(units) != len(want) {
		b.t.Fatalf("units %+v, want %v", units, want)
	}
	for i, unit := range units {
		if unit.State != want[i] {
			b.t.Fatalf("unit %d is %s, want %s", i, unit.State, want[i])
		}
	}
	return units
}

// TestUnitsLife follows a unit from the task that needs it to the end of its worker.
func TestUnitsLife(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	if p := b.provision(bootTime); len(p.Orders) != 0 || p.Demand.Ready != 0 {
		t.Fatalf("with nothing to do: %+v", p)
	}
	task := b.submit()
	if wait := b.task(task).Wait; wait.Reason != jobs.WaitStarting {
		t.Errorf("before anything is ordered it waits for %s", wait.Reason)
	}
	p := b.provision(bootTime)
	if len(p.Orders) != 1 || p.Orders[0].Generation != "1" {
		t.Fatalf("orders %+v", p.Orders)
	}
	units := b.units(jobs.UnitIntended)
	if wait := b.task(task).Wait; wait.Reason != jobs.WaitStarting || !wait.Since.Equal(units[0].CreatedAt) {
		t.Errorf("it waits for %+v, ordered at %s", wait, units[0].CreatedAt)
	}
	if p := b.provision(bootTime); len(p.Orders) != 0 || p.Demand.Booting != 4 || p.Demand.Units != 1 {
		t.Fatalf("ordered again: %+v", p)
	}
	b.ok(b.UnitStarted(t.Context(), p.Orders[0].Intent, "machine"))
	b.units(jobs.UnitStarting)
	worker := b.unitWorker("machine", "1")
	b.units(jobs.UnitUp)
	if wait := b.task(task).Wait; wait.Reason != jobs.WaitQueued {
		t.Errorf("with a worker it waits for %s", wait.Reason)
	}
	if p := b.provision(bootTime); len(p.Orders) != 0 || p.Demand.Free != 4 || p.Demand.Booting != 0 || p.Demand.Ready != 1 {
		t.Fatalf("with a worker: %+v", p)
	}
	b.claim(task, worker)
	b.exec(`UPDATE river.river_job SET state = 'running'`) // as it is once it was fetched
	if p := b.provision(bootTime); p.Demand.Free != 3 || p.Demand.Ready != 0 {
		t.Fatalf("while it runs: %+v", p)
	}
	b.ok(b.RemoveWorker(t.Context(), worker))
	b.units()
	if p := b.provision(bootTime); p.Demand.Failures != 0 || p.Demand.Units != 0 {
		t.Fatalf("a worker that left counts as a failure: %+v", p)
	}
}

func TestUnitThatRegistersBeforeItsProviderAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	b.submit()
	intent := b.provision(bootTime).Orders[0].Intent
	b.unitWorker("machine", "1") // nobody knows yet whose it is
	b.units(jobs.UnitIntended)
	b.ok(b.UnitStarted(t.Context(), intent, "machine"))
	b.provision(bootTime)
	b.units(jobs.UnitUp)
	b.ok(b.UnitStarted(t.Context(), intent, "machine")) // an answer that came late changes nothing
	b.units(jobs.UnitUp)
}

func TestUnitsThatFail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(f *jobs.PoolFleet) { f.Max = 9 })
	b.submit()
	// Its provider refuses.
	b.ok(b.UnitEnded(t.Context(), b.provision(bootTime).Orders[0].Intent, jobs.UnitRefused, "no capacity"))
	if p := b.provision(bootTime); p.Demand.Failures != 1 || len(p.Orders) != 1 {
		t.Fatalf("after the first failure: %+v", p)
	}
	// It does not come up in time.
	b.ok(b.UnitStarted(t.Context(), b.units(jobs.UnitIntended)[0].Intent, "slow"))
	b.exec(`UPDATE freshet.fleet_units SET boot_until = clock_timestamp() WHERE unit = 'slow'`)
	b.units(jobs.UnitStarting)
	late := b.provision(bootTime)
	if len(late.Late) != 1 || late.Late[0].ID != "slow" || late.Demand.Units != 1 || late.Demand.Booting != 0 {
		t.Fatalf("with a unit that is too slow: %+v", late)
	}
	if p := b.provision(bootTime); len(p.Late) != 0 {
		t.Fatalf("it is given up twice: %+v", p)
	}
	b.ok(b.UnitEnded(t.Context(), late.Late[0].Intent, jobs.UnitLate, "no worker came up in time"))
	b.exec(`UPDATE freshet.fleet_units SET state = 'ended', ended_at = created_at WHERE state = 'intended'`) // ordered in its place
	p := b.provision(bootTime)
	if p.Demand.Failures != 2 || len(p.Orders) != 0 {
		t.Fatalf("after a unit that was too slow: %+v", p)
	}
	if fleet.Pause(p.Demand) <= 0 {
		t.Error("nothing is waited for")
	}
	// One that comes up, and whose worker lives for a while, makes up for all.
	b.exec(`UPDATE freshet.fleet_units SET ended_at = ended_at - interval '1 minute'`)
	intent := b.provision(bootTime).Orders[0].Intent
	b.ok(b.UnitStarted(t.Context(), intent, "good"))
	worker := b.unitWorker("good", "1")
	b.exec(`UPDATE freshet.fleet_units SET seen_at = seen_at - interval '11 seconds' WHERE unit = 'good'`)
	if p := b.provision(bootTime); p.Demand.Failures != 0 {
		t.Errorf("%d failures beside a unit that works", p.Demand.Failures)
	}
	// Its death is none either, since it lived.
	b.ok(b.WorkerDied(t.Context(), worker, jobs.Death{Signal: "SIGKILL"}))
	if p := b.provision(bootTime); p.Demand.Failures != 0 || len(p.Orders) != 1 {
		t.Errorf("after a death: %+v", p)
	}
	// That of one that had hardly begun is.
	b.ok(b.UnitStarted(t.Context(), b.units(jobs.UnitIntended)[0].Intent, "weak"))
	b.ok(b.WorkerDied(t.Context(), b.unitWorker("weak", "1"), jobs.Death{Signal: "SIGKILL"}))
	if p := b.provision(bootTime); p.Demand.Failures != 1 {
		t.Errorf("%d failures after an early death", p.Demand.Failures)
	}
}

// TestAPoolGrowsAsFastAsItMay whoever looks at it.
func TestAPoolGrowsAsFastAsItMay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(f *jobs.PoolFleet) { f.Max, f.StartsPerMinute = 9, 3 })
	for range 40 {
		b.submit()
	}
	pools, err := b.Pools(t.Context())
	b.ok(err)
	if pools[0].Fleet.StartsPerMinute != 3 {
		t.Errorf("it may start %d in a minute", pools[0].Fleet.StartsPerMinute)
	}
	for _, want := range []int{3, 0} {
		if p := b.provision(bootTime); len(p.Orders) != want {
			t.Fatalf("%d orders, want %d", len(p.Orders), want)
		}
	}
	b.exec(`UPDATE freshet.fleet_units SET created_at = created_at - interval '61 seconds'`)
	if p := b.provision(bootTime); len(p.Orders) != 3 {
		t.Fatalf("%d orders a minute later, want 3", len(p.Orders))
	}
}

func TestOrdersOfADeadReplicaAreTakenOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	b.submit()
	intent := b.provision(bootTime).Orders[0].Intent
	if p := b.provision(bootTime); len(p.Orders) != 0 {
		t.Fatal("an order was given twice")
	}
	b.exec(`UPDATE freshet.fleet_units SET ordered_at = ordered_at - interval '61 seconds'`)
	if p := b.provision(bootTime); len(p.Orders) != 1 || p.Orders[0].Intent != intent {
		t.Fatalf("orders %+v, want %s again", p.Orders, intent)
	}
	if p := b.provision(bootTime); len(p.Orders) != 0 {
		t.Fatal("it was taken over twice")
	}
	b.units(jobs.UnitIntended)
}

// TestABudgetIsNotExceeded also holds it when units of yesterday run on.
func TestABudgetIsNotExceeded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hours := 30.0
	b.managed(func(f *jobs.PoolFleet) { f.BudgetHours = &hours })
	b.submit()
	b.provision(bootTime)
	b.units(jobs.UnitIntended)
	b.exec(`INSERT INTO freshet.fleet_units (intent, pool, provider, generation, state, created_at, ordered_at, boot_until, ended_at)
		SELECT gen_random_uuid(), 'default', 'process', '1', 'ended', now() - interval '400 hours', now(), now(), now() FROM generate_series(1, 40)`)
	b.exec(`UPDATE freshet.fleet_units SET state = 'ended', ended_at = now() WHERE state <> 'ended'`)
	p := b.provision(bootTime)
	var today float64
	b.scan(&today, `SELECT extract(epoch FROM now() - date_trunc('day', now(), 'UTC')) / 3600`)
	if want := hours - 40*today; p.Demand.BudgetLeft > want+0.1 || p.Demand.BudgetLeft < want-0.1 {
		t.Errorf("%.2f hours are left, want %.2f", p.Demand.BudgetLeft, want)
	}
	if want := 1; p.Demand.BudgetLeft < 0.1 {
		if len(p.Orders) != 0 {
			t.Errorf("orders %+v without a budget", p.Orders)
		}
	} else if len(p.Orders) != want {
		t.Errorf("orders %+v, want %d", p.Orders, want)
	}
}

// TestReplicasDecideInTurn has many look at once: what is needed is ordered once.
func TestReplicasDecideInTurn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	for range 9 { // three workers of four slots
		b.submit()
	}
	var looks sync.WaitGroup
	var mu sync.Mutex
	ordered, busy := 0, 0
	for range 12 {
		looks.Go(func() {
			p, err := b.Provision(context.WithoutCancel(t.Context()), "default", bootTime, fleet.Decide)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ordered += len(p.Orders)
			if p.Busy {
				busy++
			}
		})
	}
	looks.Wait()
	if ordered != 3 {
		t.Errorf("%d units were ordered, %d found another at it; want 3", ordered, busy)
	}
	b.units(jobs.UnitIntended, jobs.UnitIntended, jobs.UnitIntended)
}

func TestGenerationsThatAreOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(*jobs.PoolFleet) {})
	of := b.unitWorker("a", "1")
	nobodys := b.unitWorker("b", "")
	over := func(worker uuid.UUID) bool {
		t.Helper()
		over, err := b.Beat(t.Context(), worker)
		b.ok(err)
		return over
	}
	if over(of) || over(nobodys) {
		t.Error("the present generation is over")
	}
	b.managed(func(f *jobs.PoolFleet) { f.Generation = "2" })
	if !over(of) || over(nobodys) {
		t.Error("a generation that is over goes on, or one that is nobody's does not")
	}
	if p := b.provision(bootTime); p.Demand.Free != 4 {
		t.Errorf("%d slots are free, want those of nobody's worker", p.Demand.Free)
	}
	b.ok(b.SyncPools(t.Context(), nil))
	if !over(of) || over(nobodys) {
		t.Error("workers of a pool that is gone")
	}
}

// TestMinimumIsKept also when all want to leave at once.
func TestMinimumIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(f *jobs.PoolFleet) { f.Min = 2 })
	workers := make([]uuid.UUID, 8)
	for i := range workers {
		workers[i] = b.unitWorker(uuid.NewString(), "1")
	}
	var asks sync.WaitGroup
	var mu sync.Mutex
	granted := 0
	for _, worker := range workers {
		asks.Go(func() {
			ok, err := b.Retire(context.WithoutCancel(t.Context()), worker)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if ok {
				granted++
			}
		})
	}
	asks.Wait()
	if granted != 6 {
		t.Errorf("%d of 8 may leave, want 6", granted)
	}
}

// TestHeldWorkIsProvidedFor before it is due, where a worker takes a while to come up.
func TestHeldWorkIsProvidedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.managed(func(f *jobs.PoolFleet) { f.StartTime = 30 * time.Second })
	due := time.Now().Add(40 * time.Second)
	b.submit(func(s *jobs.Submission) { s.ScheduledAt = &due })
	p := b.provision(bootTime)
	if len(p.Orders) != 0 || p.Due == nil || *p.Due > 10*time.Second || *p.Due < 5*time.Second {
		t.Fatalf("ten seconds too early: %+v, due in %v", p, p.Due)
	}
	b.exec(`UPDATE freshet.attempts SET due_at = due_at - interval '11 seconds'`)
	if p := b.provision(bootTime); len(p.Orders) != 1 || p.Due != nil {
		t.Fatalf("in time: %+v", p)
	}
}

// exec does what no method does: it moves times.
func (b *bench) exec(sql string) {
	b.t.Helper()
	_, err := b.Pool().Exec(b.t.Context(), sql)
	b.ok(err)
}

func (b *bench) scan(target any, sql string) {
	b.t.Helper()
	b.ok(b.Pool().QueryRow(b.t.Context(), sql).Scan(target))
}
