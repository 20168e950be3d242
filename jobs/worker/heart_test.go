package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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

// leased is a runner that remembers the lease, and an attempt that runs until it is stopped.
type leased struct {
	started chan struct{}
	stopped chan error

	mu    sync.Mutex
	given []time.Duration
}

func newLeased() *leased {
	return &leased{started: make(chan struct{}, 1), stopped: make(chan error, 1)}
}

func (l *leased) Run(ctx context.Context, _ jobs.Claim, _ *kind.Kind) (jobs.Ending, error) {
	l.started <- struct{}{}
	<-ctx.Done()
	l.stopped <- context.Cause(ctx)
	return jobs.Ending{}, context.Cause(ctx)
}

func (l *leased) Renew(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given = append(l.given, d)
}

func (l *leased) renewals() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]time.Duration(nil), l.given...)
}

// beating runs a worker with an attempt and a short lease. done gets what Run returns.
func (b *bench) beating(run *leased, heart *postgres.Store, lease, beat time.Duration) (id uuid.UUID, done <-chan error) {
	b.t.Helper()
	id = uuid.New()
	pool := worker.New(worker.Config{
		Store: b.Store, Heart: heart, Runner: run, Worker: jobs.Worker{ID: id, Pool: "default", Slots: 1, Kinds: []string{"work"}, Lease: lease},
		Beat: beat, Drain: time.Second, FetchCooldown: 2 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() { ended <- pool.Run(ctx) })
	b.t.Cleanup(func() { stop(); running.Wait() })
	b.submit()
	<-run.started
	return id, ended
}

func (l *leased) lost(t *testing.T) {
	t.Helper()
	select {
	case cause := <-l.stopped:
		if !errors.Is(cause, runner.ErrLeaseLost) {
			t.Errorf("stopped with %v", cause)
		}
	case <-time.After(patience):
		t.Fatal("the attempt goes on")
	}
}

func TestBuriedWorkerKillsWhatItRuns(t *testing.T) {
	t.Parallel()
	b, run := newBench(t), newLeased()
	_, done := b.beating(run, b.Store, time.Minute, 20*time.Millisecond)
	b.until("the lease is renewed", func() bool { return len(run.renewals()) > 3 })
	for _, d := range run.renewals() {
		if d > 54*time.Second || d < 50*time.Second {
			t.Errorf("a lease of %s was given, of a minute", d)
		}
	}
	for buried := 0; buried == 0; { // until no beat comes between
		seen, err := b.Vitals(t.Context())
		b.ok(err)
		buried, err = b.Bury(t.Context(), seen)
		b.ok(err)
	}
	run.lost(t)
	if err := <-done; !errors.Is(err, worker.ErrDead) {
		t.Errorf("Run: %v", err)
	}
}

func TestWorkerThatCannotBeatDiesBeforeItsLease(t *testing.T) {
	t.Parallel()
	b, run := newBench(t), newLeased()
	heart, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConnections: 1, Logger: slog.New(slog.DiscardHandler)})
	b.ok(err)
	heart.Close()
	const lease = 2 * time.Second
	started := time.Now()
	_, done := b.beating(run, heart, lease, 100*time.Millisecond)
	run.lost(t)
	if took := time.Since(started); took > lease {
		t.Errorf("it took %s, longer than the lease", took)
	}
	if err := <-done; !errors.Is(err, worker.ErrDead) {
		t.Errorf("Run: %v", err)
	}
}

// The lease runs out in the runner, but the next beat is in time: nobody buries the worker, so it must
// itself give the attempt to the next.
func TestAttemptKilledUnderALivingWorkerIsGivenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(1, time.Second, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
		if claim.Attempt == 1 {
			return jobs.Ending{}, fmt.Errorf("run: %w", runner.ErrLeaseLost)
		}
		return completed(claim), nil
	})
	id := b.submit()
	b.until("the next attempt has completed", func() bool {
		task, err := b.Task(t.Context(), id)
		b.ok(err)
		return task.State == jobs.Completed
	})
	attempts, err := b.Attempts(t.Context(), id)
	b.ok(err)
	if len(attempts) != 2 || attempts[0].Outcome != jobs.OutcomeLost || attempts[0].Failure.Code != jobs.CodeLost {
		t.Errorf("attempts %+v", attempts)
	}
}
