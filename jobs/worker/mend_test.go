package worker_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/control"
)

// Somebody sets the River job of a running attempt back to available, and the same worker, which has a slot
// left, fetches it again.
func TestRiverJobThatIsSetBackRunsOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var runs atomic.Int32
	started, finish := make(chan jobs.Claim, 2), make(chan struct{})
	b.start(2, time.Second, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
		runs.Add(1)
		started <- claim
		<-finish
		return completed(claim), nil
	})
	id := b.submit()
	claim := <-started
	_, err := b.Pool().Exec(t.Context(), `UPDATE river.river_job SET state = 'available', scheduled_at = now() WHERE id = $1`, claim.RiverJob)
	b.ok(err)
	b.Ring("default")
	b.until("the worker is through with what it fetched again", func() bool {
		return runs.Load() > 1 || b.count(`SELECT count(*) FROM river.river_job WHERE state = 'completed'`) == 1
	})
	close(finish)
	b.until("the task is completed", func() bool { return b.state(id) == jobs.Completed })
	if runs.Load() != 1 {
		t.Errorf("the attempt ran %d times", runs.Load())
	}
	b.until("its River job is gone", func() bool { return b.count(`SELECT count(*) FROM river.river_job`) == 0 })
}

// What would keep an attempt from a worker for ever is undone by the reaper: a pause of River's own, and a
// River job that is gone.
func TestReaperUndoesWhatIsDoneInRiver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.Pool().Exec(t.Context(), `INSERT INTO river.river_queue (name, updated_at, paused_at) VALUES ('pool_default', now(), now())`)
	b.ok(err)
	id, other := b.submit(), b.submit()
	_, err = b.Pool().Exec(t.Context(), `DELETE FROM river.river_job WHERE args->>'taskId' = $1`, id.String())
	b.ok(err)
	b.start(2, time.Second, func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) { return completed(claim), nil })
	b.until("the worker's queue is known to River", func() bool {
		return b.count(`SELECT count(*) FROM river.river_queue WHERE updated_at > created_at`) == 1
	})
	if b.state(other) != jobs.Pending {
		t.Fatal("the pause keeps nothing: this tests nothing")
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	reaper := control.NewReaper(b.Store, nil, slog.New(slog.DiscardHandler))
	go func() { done <- reaper.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		b.ok(<-done)
	})
	b.until("both tasks are completed", func() bool { return b.state(id) == jobs.Completed && b.state(other) == jobs.Completed })
}
