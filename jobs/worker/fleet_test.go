package worker_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/fleet"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/worker"
)

// exits is how often a task races with the exit of an idle worker.
var exits = flag.Int("exits", 300, "how many tasks race with the exit of a worker")

// idle is how long the workers of these tests wait for work.
const idle = 20 * time.Millisecond

// hatchery is a database whose workers are started by replicas of the control plane, as goroutines of this process.
type hatchery struct {
	t     *testing.T
	url   string
	store *postgres.Store
	ctx   context.Context //nolint:containedctx // of the workers, which outlive the calls that start them
	run   runFunc

	living sync.WaitGroup
	mu     sync.Mutex
	alive  map[string]int // by pool
	most   map[string]int
	starts map[uuid.UUID]int // by intent
}

func newHatchery(t *testing.T, run runFunc, replicas int, pools ...jobs.Pool) *hatchery {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &hatchery{
		t: t, url: postgrestest.New(t), ctx: ctx, run: run, alive: map[string]int{}, most: map[string]int{}, starts: map[uuid.UUID]int{},
	}
	h.store = h.open(200)
	kinds := make([]jobs.Kind, len(pools))
	for i, pool := range pools {
		kinds[i] = jobs.Kind{Name: "work-" + pool.Name, Command: []string{"true"}, Cwd: jobs.CwdWorkspace, Pool: pool.Name}
	}
	h.ok(h.store.EnsurePartitions(t.Context(), time.Now(), 1))
	h.ok(h.store.SyncKinds(t.Context(), kinds))
	h.ok(h.store.SyncPools(t.Context(), pools))
	var parts sync.WaitGroup
	controlling, stop := context.WithCancel(context.Background())
	t.Cleanup(func() { stop(); parts.Wait(); cancel(); h.living.Wait() })
	for range replicas {
		h.replica(controlling, &parts, pools)
	}
	return h
}

func (h *hatchery) open(connections int32) *postgres.Store {
	h.t.Helper()
	store, err := postgres.Open(h.t.Context(), postgres.Options{URL: h.url, MaxConnections: connections, Logger: slog.New(slog.DiscardHandler)})
	h.ok(err)
	h.t.Cleanup(store.Close)
	return store
}

// replica is the part of an API replica that starts workers.
func (h *hatchery) replica(ctx context.Context, parts *sync.WaitGroup, pools []jobs.Pool) {
	store := h.open(8)
	reconciler := control.NewReconciler(store, nil, slog.New(slog.DiscardHandler))
	reconciler.Sweep = noSweep
	providers := map[string]fleet.Provider{}
	for _, pool := range pools {
		providers[pool.Name] = fleet.Provider{Fleet: &hatch{h, pool}, BootTime: 10 * time.Second}
	}
	reconciler.Provide(providers)
	all := func() { reconciler.Wake("") }
	listener, err := store.Listener(h.url, postgres.Hints{Control: all, Queue: reconciler.Wake, All: all})
	h.ok(err)
	parts.Go(func() { _ = listener.Run(ctx) })
	parts.Go(func() { _ = reconciler.Run(ctx) })
}

func (h *hatchery) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hatchery) submit(pool string) uuid.UUID {
	h.t.Helper()
	answer, err := h.store.Submit(h.t.Context(), jobs.Submission{
		ID: uuid.Must(uuid.NewV7()), Owner: "ada", Kind: "work-" + pool, KindHash: h.hashOf(pool), Pool: pool, MaxTries: 1,
		Priority: jobs.Normal, Input: json.RawMessage(`{}`),
	})
	h.ok(err)
	return answer.ID
}

func (h *hatchery) hashOf(pool string) string {
	hash, err := jobs.Kind{Name: "work-" + pool, Command: []string{"true"}, Cwd: jobs.CwdWorkspace, Pool: pool}.Hash()
	h.ok(err)
	return hash
}

// abandoned is for how long nobody may care for a task: more than a busy machine needs. What these tests lose is lost
// for good, since no sweep makes up for it.
const (
	abandoned = patience
	noSweep   = 24 * time.Hour
)

// ends waits until a task has ended. False: for a while it waited, and nobody was there or on the way to run it.
func (h *hatchery) ends(id uuid.UUID) bool {
	h.t.Helper()
	cared := time.Now()
	for {
		select {
		case <-h.t.Context().Done():
			return false
		case <-time.After(3 * time.Millisecond):
		}
		task, err := h.store.Head(h.t.Context(), id)
		h.ok(err)
		switch {
		case task.State.Ended():
			return true
		case task.Wait == nil || task.Wait.Reason != jobs.WaitNoWorker:
			cared = time.Now()
		case time.Since(cared) > abandoned:
			return false
		}
	}
}

// hatch starts the workers of one pool.
type hatch struct {
	*hatchery
	pool jobs.Pool
}

func (h *hatch) List(context.Context) ([]fleet.Unit, error) { return nil, nil }
func (h *hatch) Stop(context.Context, string) error         { return nil }
func (h *hatch) Destroy(context.Context, string) error      { return nil }

func (h *hatch) Start(_ context.Context, order fleet.Order) (string, error) {
	id := order.Intent.String()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.starts[order.Intent]++
	h.alive[h.pool.Name]++
	h.most[h.pool.Name] = max(h.most[h.pool.Name], h.alive[h.pool.Name])
	pool := worker.New(worker.Config{
		Store: h.store, Heart: h.store, Runner: h.run, Beat: 10 * time.Second, Drain: time.Second, IdleTimeout: idle,
		Worker: jobs.Worker{
			ID: order.Intent, Pool: h.pool.Name, Slots: h.pool.Slots, Kinds: []string{"work-" + h.pool.Name}, Lease: time.Minute,
			Unit: id, Generation: order.Generation,
		},
		FetchCooldown: 2 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	h.living.Go(func() {
		if err := pool.Run(h.ctx); err != nil {
			h.t.Error(err)
		}
		h.mu.Lock()
		h.alive[h.pool.Name]--
		h.mu.Unlock()
	})
	return id, nil
}

func managed(name string, slots, most int) jobs.Pool {
	return jobs.Pool{Name: name, Provider: "process", Slots: slots, Fleet: &jobs.PoolFleet{Max: most, Generation: "1"}}
}

// TestNothingIsLeftByWorkersThatLeave has tasks race with the exits of idle workers. None waits for longer than it
// takes to start a worker, and hardly a worker is started for nothing.
func TestNothingIsLeftByWorkersThatLeave(t *testing.T) {
	t.Parallel()
	lanes := max(6, *exits/40) // a pool starts so many in a minute, and no more
	var worked sync.Map
	run := func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
		worked.Store(claim.WorkerID, true)
		return completed(claim), nil
	}
	pools := make([]jobs.Pool, lanes)
	for i := range pools {
		pools[i] = managed(fmt.Sprintf("lane-%d", i), 1, 3)
	}
	h := newHatchery(t, run, 1, pools...)
	var submits sync.WaitGroup
	var stranded atomic.Int32
	turns := make(chan struct{}, 6)
	for _, pool := range pools {
		submits.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			for range *exits / lanes {
				if !h.ends(h.submit(pool.Name)) {
					stranded.Add(1)
				}
				<-time.After(idle/2 + time.Duration(rand.Int64N(int64(idle)))) // about when the worker leaves
			}
		})
	}
	submits.Wait()
	useful := 0
	worked.Range(func(any, any) bool { useful++; return true })
	h.mu.Lock()
	defer h.mu.Unlock()
	t.Logf("%d tasks, %d workers started, %d of them for nothing", *exits, len(h.starts), len(h.starts)-useful)
	if n := stranded.Load(); n > 0 {
		t.Errorf("%d of %d tasks were left waiting", n, *exits)
	}
	if useful == *exits || useful < *exits/20 {
		t.Errorf("%d workers for %d tasks: nothing raced", useful, *exits)
	}
	if spare := len(h.starts) - useful; spare*usefulPerSpare > useful {
		t.Errorf("%d workers were started for nothing, beside %d that worked", spare, useful)
	}
}

// TestABurstOverThreeReplicas: what is needed is started, never more than may be, and nothing twice.
func TestABurstOverThreeReplicas(t *testing.T) {
	t.Parallel()
	const tasks = 200
	run := func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
		<-time.After(30 * time.Millisecond)
		return completed(claim), nil
	}
	pools := []jobs.Pool{managed("one", 1, 4), managed("two", 4, 3), managed("three", 2, 6)}
	h := newHatchery(t, run, 3, pools...)
	var submits sync.WaitGroup
	for i := range tasks {
		submits.Go(func() {
			if !h.ends(h.submit(pools[i%len(pools)].Name)) {
				t.Error("a task was left waiting")
			}
		})
	}
	submits.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, pool := range pools {
		if most := h.most[pool.Name]; most != pool.Fleet.Max {
			t.Errorf("pool %s had up to %d workers, and may have %d", pool.Name, most, pool.Fleet.Max)
		}
	}
	for intent, times := range h.starts {
		if times != 1 {
			t.Errorf("order %s was carried out %d times", intent, times)
		}
	}
}
