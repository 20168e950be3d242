package worker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/runner"
)

// races is how many tasks TestCancelAtEveryInstant cancels.
const races = 2000

// TestCancelAtEveryInstant cancels tasks at random instants of their whole life: while they are
// submitted, queued, claimed, running, ending, retried. Each has one end, told once.
func TestCancelAtEveryInstant(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := newBench(t)
	pool, _ := b.start(8, time.Second, func(ctx context.Context, claim jobs.Claim) (jobs.Ending, error) {
		ending := completed(claim)
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), runner.ErrCancelled) {
				ending.Outcome = jobs.OutcomeCancelled
			}
		case <-time.After(rand.N(3 * time.Millisecond)):
			if claim.Attempt == 1 && claim.TaskID[15]%2 == 0 {
				ending.Outcome = jobs.OutcomeFailed
				ending.Failure = &jobs.Failure{Code: jobs.CodeExit, Message: "exit code 1", Attempt: 1, Retryable: true}
				ending.Next = &jobs.Next{CostsTry: true}
			}
		}
		return ending, nil
	})
	var users sync.WaitGroup
	for user := range 8 {
		random := rand.New(rand.NewPCG(seed, uint64(user)))
		users.Go(func() {
			for range races / 8 {
				id := b.submit()
				instant := time.NewTimer(time.Duration(random.Int64N(int64(12 * time.Millisecond))))
				<-instant.C
				if err := b.Cancel(t.Context(), id); err != nil && !errors.Is(err, jobs.ErrEnded) {
					t.Errorf("seed %d: %v", seed, err)
				}
				pool.CancelRequested()
			}
		})
	}
	users.Wait()
	b.until("every task has ended", func() bool {
		return b.count(`SELECT count(*) FROM freshet.tasks WHERE state IN ('completed', 'cancelled')`) == races
	})
	if n := b.count(`SELECT count(*) FROM (SELECT task_id FROM freshet.task_events
		WHERE type IN ('task.completed', 'task.failed', 'task.cancelled') GROUP BY task_id HAVING count(*) = 1) x`); n != races {
		t.Errorf("seed %d: %d of %d tasks have one end", seed, n, races)
	}
	if n := b.count(`SELECT count(*) FROM freshet.tasks t WHERE seq <> (SELECT count(*) FROM freshet.task_events e WHERE e.task_id = t.id)`); n != 0 {
		t.Errorf("seed %d: %d tasks have gaps in their sequence", seed, n)
	}
	cancelled := b.count(`SELECT count(*) FROM freshet.tasks WHERE state = 'cancelled'`)
	running := b.count(`SELECT count(DISTINCT task_id) FROM freshet.task_events WHERE type = 'task.cancel_requested'`)
	t.Logf("%d cancelled, %d of all asked while running, %d completed", cancelled, running, races-cancelled)
	if cancelled == 0 || cancelled == races || running == 0 {
		t.Errorf("seed %d: the cancels did not fall into every part of a life: this tested too little", seed)
	}
}
