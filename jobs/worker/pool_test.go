package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/runner"
	"freshet/jobs/worker"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// runFunc is a Runner.
type runFunc func(ctx context.Context, claim jobs.Claim) (jobs.Ending, error)

func (f runFunc) Run(ctx context.Context, claim jobs.Claim, _ *kind.Kind) (jobs.Ending, error) {
	return f(ctx, claim)
}

func (runFunc) Renew(time.Duration) {}

func completed(claim jobs.Claim) jobs.Ending {
	return jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeCompleted}
}

// untilStopped runs until it is told to stop, and ends as a runner does.
func untilStopped(started chan<- jobs.Claim) runFunc {
	return func(ctx context.Context, claim jobs.Claim) (jobs.Ending, error) {
		started <- claim
		<-ctx.Done()
		ending := completed(claim)
		ending.Outcome = jobs.OutcomeCancelled
		if errors.Is(context.Cause(ctx), runner.ErrInterrupted) {
			ending.Outcome, ending.Next = jobs.OutcomeInterrupted, &jobs.Next{}
		}
		return ending, nil
	}
}

type bench struct {
	*postgres.Store
	t    *testing.T
	kind jobs.Kind
	hash string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConnections: 12, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	b := &bench{Store: store, t: t, kind: jobs.Kind{Name: "work", Command: []string{"true"}, Cwd: jobs.CwdWorkspace, Pool: "default"}}
	if b.hash, err = b.kind.Hash(); err != nil {
		t.Fatal(err)
	}
	b.ok(store.SyncKinds(t.Context(), []jobs.Kind{b.kind}))
	b.ok(store.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4}}))
	return b
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) submit() uuid.UUID {
	b.t.Helper()
	answer, err := b.Submit(b.t.Context(), jobs.Submission{
		ID: uuid.Must(uuid.NewV7()), Owner: "ada", Kind: "work", KindHash: b.hash, Pool: "default", MaxTries: 3,
		Priority: jobs.Normal, Input: json.RawMessage(`{}`),
	})
	b.ok(err)
	return answer.ID
}

// start runs a worker; stop tells it to leave and waits until it has.
func (b *bench) start(slots int, drain time.Duration, run runFunc) (pool *worker.Pool, stop func()) {
	b.t.Helper()
	pool = worker.New(worker.Config{
		Store: b.Store, Heart: b.Store, Runner: run, Worker: jobs.Worker{ID: uuid.New(), Pool: "default", Slots: slots, Kinds: []string{"work"}, Lease: time.Minute},
		Beat: 10 * time.Second, Drain: drain, FetchCooldown: 2 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(stop)
	return pool, stop
}

// until looks at the database until the condition holds.
func (b *bench) until(what string, condition func() bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			b.t.Fatalf("waited in vain until %s", what)
		case <-ticker.C:
		}
	}
}

func (b *bench) state(id uuid.UUID) jobs.State {
	b.t.Helper()
	task, err := b.Task(b.t.Context(), id)
	b.ok(err)
	return task.State
}

func (b *bench) count(sql string) (n int) {
	b.t.Helper()
	b.ok(b.Pool().QueryRow(b.t.Context(), sql).Scan(&n))
	return n
}

func TestAThousandTasks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var running, most atomic.Int32
	b.start(4, time.Second, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		return completed(claim), nil
	})
	var clients sync.WaitGroup
	for range 10 {
		clients.Go(func() {
			for range 100 {
				b.submit()
			}
		})
	}
	clients.Wait()
	b.until("all tasks are completed", func() bool {
		return b.count(`SELECT count(*) FROM freshet.tasks WHERE state = 'completed' AND attempt = 1 AND seq = 3`) == 1000
	})
	if most.Load() > 4 {
		t.Errorf("%d attempts ran at once on 4 slots", most.Load())
	}
	if left := b.count(`SELECT count(*) FROM river.river_job`); left != 0 {
		t.Errorf("%d River jobs are left", left)
	}
}

func TestCancelReachesTheRunner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started := make(chan jobs.Claim, 1)
	pool, _ := b.start(1, time.Second, untilStopped(started))
	id := b.submit()
	<-started
	b.ok(b.Cancel(t.Context(), id))
	pool.CancelRequested()
	b.until("the task is cancelled", func() bool { return b.state(id) == jobs.Cancelled })
}

func TestALostHintOnlyDelaysACancel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started := make(chan jobs.Claim, 1)
	b.start(1, time.Second, untilStopped(started))
	id := b.submit()
	<-started
	b.ok(b.Cancel(t.Context(), id))
	b.until("the task is cancelled", func() bool { return b.state(id) == jobs.Cancelled })
}

func TestDrainInterruptsWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started := make(chan jobs.Claim, 1)
	_, stop := b.start(1, 10*time.Millisecond, untilStopped(started))
	id := b.submit()
	<-started
	stop()
	task, err := b.Task(t.Context(), id)
	b.ok(err)
	if task.State != jobs.Pending || task.Attempt != 2 || task.Tries != 0 {
		t.Errorf("after the drain: %+v", task)
	}
	if workers := b.count(`SELECT count(*) FROM freshet.workers`); workers != 0 {
		t.Errorf("%d workers are still registered", workers)
	}
	b.start(1, time.Second, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) { return completed(claim), nil })
	b.until("another worker has completed it", func() bool { return b.state(id) == jobs.Completed })
}

func TestHurryInterruptsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started, hurry, left := make(chan jobs.Claim, 1), make(chan struct{}), make(chan error, 1)
	pool := worker.New(worker.Config{
		Store: b.Store, Heart: b.Store, Worker: jobs.Worker{ID: uuid.New(), Pool: "default", Slots: 1, Kinds: []string{"work"}, Lease: time.Minute},
		Runner: untilStopped(started), Beat: 10 * time.Second, Drain: time.Hour, Hurry: hurry,
		FetchCooldown: 2 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	ctx, leave := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { left <- pool.Run(ctx) }()
	id := b.submit()
	<-started
	close(hurry)
	select {
	case err := <-left:
		t.Fatalf("it left without having been told to: %v", err)
	default:
	}
	leave()
	b.ok(<-left)
	if task, err := b.Task(t.Context(), id); err != nil || task.State != jobs.Pending || task.Attempt != 2 || task.Tries != 0 {
		t.Errorf("%+v, %v", task, err)
	}
}

func TestDrainLetsWhatRunsFinish(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started, release := make(chan struct{}), make(chan struct{})
	_, stop := b.start(1, patience, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
		close(started)
		<-release
		return completed(claim), nil
	})
	first := b.submit()
	<-started
	second := b.submit()
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(release)
	<-stopped
	if b.state(first) != jobs.Completed || b.state(second) != jobs.Pending {
		t.Errorf("states %s and %s, want completed and pending", b.state(first), b.state(second))
	}
}

func TestARetiredWorkerLetsWhatRunsFinish(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	started, release := make(chan struct{}), make(chan struct{})
	retire, left := make(chan struct{}), make(chan error, 1)
	pool := worker.New(worker.Config{
		Store: b.Store, Heart: b.Store, Worker: jobs.Worker{ID: uuid.New(), Pool: "default", Slots: 1, Kinds: []string{"work"}, Lease: time.Minute},
		Runner: runFunc(func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
			close(started)
			<-release
			return completed(claim), nil
		}),
		Beat: 10 * time.Second, Retire: retire, FetchCooldown: 2 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	go func() { left <- pool.Run(context.WithoutCancel(t.Context())) }()
	first := b.submit()
	<-started
	close(retire)
	second := b.submit()
	b.start(1, time.Second, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) { return completed(claim), nil })
	b.until("its successor has taken what came later", func() bool { return b.state(second) == jobs.Completed })
	close(release)
	b.ok(<-left)
	if task, err := b.Task(t.Context(), first); err != nil || task.State != jobs.Completed || task.Attempt != 1 {
		t.Errorf("what ran at its retirement: %+v, %v", task, err)
	}
}

func TestAnAttemptTakenOverIsNotEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ran := make(chan struct{})
	b.start(1, time.Second, func(context.Context, jobs.Claim) (jobs.Ending, error) {
		defer close(ran)
		return jobs.Ending{}, jobs.ErrFenced
	})
	id := b.submit()
	<-ran
	if state := b.state(id); state != jobs.Running {
		t.Errorf("state %s: the worker recorded an end that is not its own", state)
	}
}

func TestFromCommitToClaimIsMilliseconds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	claimed := make(chan time.Time, 1)
	b.start(1, time.Second, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
		claimed <- time.Now()
		return completed(claim), nil
	})
	b.until("the worker is registered", func() bool { return b.count(`SELECT count(*) FROM freshet.workers`) == 1 })
	best := time.Hour
	for range 20 {
		b.submit()
		committed := time.Now()
		best = min(best, (<-claimed).Sub(committed))
	}
	// River polls once a second: without the hint the best of twenty would be hundreds of milliseconds.
	if best > 50*time.Millisecond {
		t.Errorf("the quickest claim came %s after the commit", best)
	}
}
