package postgres_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"freshet/jobs"
)

// actor does random things to random tasks, as a worker and as a user, until its work is done.
type actor struct {
	*bench
	random *rand.Rand
	worker uuid.UUID
	tasks  []uuid.UUID
	steps  *atomic.Int64
}

// TestManyActors is the property that the whole package rests on: whatever several workers, users and
// control planes do at once, no statement deadlocks, no error but a refusal comes back, sequences stay
// dense, and one attempt of a task is alive at most.
func TestManyActors(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := newBench(t)
	kinds := []jobs.Kind{{Name: "work"}, {Name: "few", Concurrency: jobs.Concurrency{Total: 3, PerOwner: 2}}}
	b.ok(b.SyncKinds(t.Context(), kinds))
	endpoint := jobs.Endpoint{ID: uuid.New(), Owner: "ada", URL: "https://example.com", Events: jobs.Heard(), Kinds: []string{}, Enabled: true}
	endpoint.Signing.Secrets = []byte("x")
	b.ok(b.CreateEndpoint(t.Context(), endpoint, 1))
	var tasks []uuid.UUID
	for i := range 12 {
		tasks = append(tasks, b.submit(func(s *jobs.Submission) { s.Kind = kinds[i%2].Name }))
	}
	var steps atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var actors sync.WaitGroup
	for i := range 8 {
		a := &actor{bench: b, random: rand.New(rand.NewPCG(seed, uint64(i))), worker: b.worker("work", "few"), tasks: tasks, steps: &steps}
		actors.Go(func() {
			for range 500 {
				if err := a.step(ctx); err != nil && !refusal(err) {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
			}
		})
	}
	actors.Wait()
	b.dense(t.Context())
	if sent := b.count(`SELECT count(*) FROM freshet.delivery_tries`); sent < 50 {
		t.Errorf("only %d messages were sent", sent)
	}
	if steps.Load() < 200 {
		t.Errorf("only %d attempts were claimed: this tested nothing", steps.Load())
	}
}

// refusal tells whether an error says no more than that someone else was first.
func refusal(err error) bool {
	return errors.Is(err, jobs.ErrFenced) || errors.Is(err, jobs.ErrEnded) || errors.Is(err, jobs.ErrNotEnded)
}

func (a *actor) step(ctx context.Context) error {
	task := a.tasks[a.random.IntN(len(a.tasks))]
	switch a.random.IntN(12) {
	case 10:
		return a.send(ctx)
	case 11:
		return a.SyncKinds(ctx, []jobs.Kind{{Name: "work"}, {Name: "few", Concurrency: jobs.Concurrency{Total: a.random.IntN(4), PerOwner: a.random.IntN(3)}}})
	case 0:
		return a.Cancel(ctx, task)
	case 1, 2:
		return a.Retry(ctx, task, jobs.Kind{Name: "work", Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}}, "h")
	case 3:
		_, err := a.Admit(ctx, 5)
		_, limited := a.AdmitLimited(ctx, 5)
		return errors.Join(err, limited)
	case 4:
		_, err := a.Expire(ctx, 5)
		return err
	case 5:
		_, err := a.PauseKind(ctx, "work", a.random.IntN(8) == 0)
		return err
	default:
		return a.run(ctx)
	}
}

// send takes messages, and says of some that they arrived.
func (a *actor) send(ctx context.Context) error {
	taken, err := a.TakeDeliveries(ctx, 5, 4, time.Millisecond)
	for _, d := range taken {
		sent := jobs.Sent{Delivery: d.ID, Number: d.Tries, Body: []byte("{}"), OK: a.random.IntN(2) == 0, Try: jobs.DeliveryTry{At: time.Now()}}
		if delay := time.Millisecond; !sent.OK {
			sent.Next = &delay
		}
		err = errors.Join(err, a.Sent(ctx, sent))
	}
	return err
}

// run takes any job that River would deliver, the way River does, and runs it: some flushes, some end.
func (a *actor) run(ctx context.Context) error {
	var candidate jobs.Candidate
	err := a.Pool().QueryRow(ctx, `UPDATE river.river_job SET state = 'running', attempt = 1 WHERE id = (
		SELECT id FROM river.river_job WHERE state = 'available' ORDER BY priority, id LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id, (args->>'taskId')::uuid, (args->>'attempt')::int`).Scan(&candidate.RiverJob, &candidate.TaskID, &candidate.Attempt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	claim, refused, err := a.Claim(ctx, a.worker, candidate)
	if err != nil || refused != jobs.ClaimGranted {
		return err
	}
	a.steps.Add(1)
	for from := range int64(a.random.IntN(3)) {
		_, err := a.Flush(ctx, jobs.Flush{Fence: claim.Fence, From: 2 * from, To: 2*from + 2, Records: []jobs.Record{
			{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("line\n")},
			{At: time.Now(), Type: jobs.TaskCustom, Data: []byte(`{"name":"x"}`)},
		}})
		if err != nil {
			return err
		}
	}
	switch a.random.IntN(4) {
	case 0:
		return a.End(ctx, completed(claim, `{}`))
	case 1:
		return a.End(ctx, failed(claim, nil))
	case 2:
		return a.End(ctx, failed(claim, &jobs.Next{CostsTry: true, Delay: time.Duration(a.random.IntN(3)) * time.Millisecond}))
	default:
		return a.End(ctx, jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeInterrupted, Next: &jobs.Next{}})
	}
}

// TestWrongLockOrderDeadlocks is the negative control of TestManyActors: two statements that lock the
// same two tasks in opposite orders do deadlock on this server, and the error is one that it would see.
func TestWrongLockOrderDeadlocks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, second := b.submit(), b.submit()
	locked := make(chan struct{}, 2)
	both := make(chan struct{})
	lock := func(order ...uuid.UUID) error {
		return pgx.BeginFunc(t.Context(), b.Pool(), func(tx pgx.Tx) error {
			for i, id := range order {
				if i == 1 {
					locked <- struct{}{}
					<-both
				}
				if _, err := tx.Exec(t.Context(), `SELECT FROM freshet.tasks WHERE id = $1 FOR UPDATE`, id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- lock(first, second) }()
	go func() { errs <- lock(second, first) }()
	<-locked
	<-locked
	close(both)
	var postgresError *pgconn.PgError
	if err := errors.Join(<-errs, <-errs); !errors.As(err, &postgresError) || postgresError.Code != "40P01" || refusal(err) {
		t.Errorf("error %v, want a deadlock", err)
	}
}

// TestCancelRacesWithEnd cancels tasks just while they end: one of the two wins, and there is one end.
func TestCancelRacesWithEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	for range 100 {
		id := b.submit()
		claim := b.claim(id, worker)
		var race sync.WaitGroup
		race.Go(func() {
			if err := b.Cancel(t.Context(), id); err != nil && !errors.Is(err, jobs.ErrEnded) {
				t.Error(err)
			}
		})
		race.Go(func() {
			if err := b.End(t.Context(), failed(claim, &jobs.Next{CostsTry: true})); err != nil {
				t.Error(err)
			}
		})
		race.Wait()
		if state := b.task(id).State; state != jobs.Cancelled {
			t.Fatalf("state %s: a cancel that is requested before or just after the end of attempt 1 must not be lost", state)
		}
	}
	b.dense(t.Context())
}
