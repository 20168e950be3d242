package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"freshet/jobs"
)

// limit makes work a kind of which only so many run at once, and a pool that is no limit.
func (b *bench) limit(total, perOwner int) uuid.UUID {
	b.t.Helper()
	b.ok(b.SyncKinds(b.t.Context(), []jobs.Kind{{
		Name: "work", Command: []string{"true"}, Pool: "default", Retry: jobs.Retry{MaxAttempts: 3},
		Concurrency: jobs.Concurrency{Total: total, PerOwner: perOwner},
	}}))
	id := uuid.New()
	b.ok(b.RegisterWorker(b.t.Context(), jobs.Worker{ID: id, Pool: "default", Host: "here", PID: 1, Slots: 100, Kinds: []string{"work"}, Version: "test", Lease: lease}))
	return id
}

func (b *bench) of(owner string, count int) []uuid.UUID {
	b.t.Helper()
	ids := make([]uuid.UUID, count)
	for i := range ids {
		ids[i] = b.submit(func(s *jobs.Submission) { s.Owner = owner })
	}
	return ids
}

// admit admits, and answers which of the tasks have a River job.
func (b *bench) admit(tasks ...uuid.UUID) (admitted []uuid.UUID) {
	b.t.Helper()
	_, err := b.AdmitLimited(b.t.Context(), 500)
	b.ok(err)
	for _, task := range tasks {
		if _, found := b.candidate(task); found {
			admitted = append(admitted, task)
		}
	}
	return admitted
}

func (b *bench) waits(task uuid.UUID) jobs.WaitReason {
	b.t.Helper()
	if wait := b.task(task).Wait; wait != nil {
		return wait.Reason
	}
	return ""
}

func TestTotalLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.limit(2, 0)
	tasks := b.of("ada", 4)
	if got := b.admit(tasks...); len(got) != 2 || got[0] != tasks[0] || got[1] != tasks[1] {
		t.Fatalf("admitted %v of %v", got, tasks)
	}
	if got := b.admit(tasks...); len(got) != 2 {
		t.Errorf("%d are admitted", len(got))
	}
	if got := []jobs.WaitReason{b.waits(tasks[0]), b.waits(tasks[2])}; got[0] != jobs.WaitQueued || got[1] != jobs.WaitKind {
		t.Errorf("they wait: %v", got)
	}
	b.ok(b.End(t.Context(), completed(b.claim(tasks[0], worker), "")))
	if got := b.admit(tasks...); len(got) != 2 || got[1] != tasks[2] {
		t.Errorf("after one has ended: %v", got)
	}
	b.ok(b.Cancel(t.Context(), tasks[1]))
	if got := b.admit(tasks...); len(got) != 2 || got[1] != tasks[3] {
		t.Errorf("after one was cancelled: %v", got)
	}
	b.dense(t.Context())
}

func TestOwnerLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.limit(0, 2)
	adas, bobs := b.of("ada", 4), b.of("bob", 1)
	if got := b.admit(append(adas, bobs...)...); len(got) != 3 || got[2] != bobs[0] {
		t.Errorf("admitted %v", got)
	}
	if got := b.waits(adas[2]); got != jobs.WaitOwner {
		t.Errorf("the third of ada's waits: %s", got)
	}
}

// Whoever has the fewest running is next, and of several the one who waited longest: an owner with
// thousands of tasks delays another's first by no more than the one slot that becomes free.
func TestOwnersTakeTurns(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{1, 3} {
		t.Run(fmt.Sprint(slots), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			worker := b.limit(slots, 0)
			flood := b.of("ada", 500)
			running := b.admit(flood...)
			if len(running) != slots {
				t.Fatalf("%d are admitted", len(running))
			}
			claims := map[uuid.UUID]jobs.Claim{}
			for _, task := range running {
				claims[task] = b.claim(task, worker)
			}
			late := b.of("bob", 2)
			b.ok(b.End(t.Context(), completed(claims[running[0]], "")))
			if got := b.admit(late...); len(got) != 1 || got[0] != late[0] {
				t.Errorf("the slot that became free went to %v, not to bob's first", got)
			}
			b.ok(b.End(t.Context(), completed(b.claim(late[0], worker), "")))
			if got := b.admit(late...); (slots == 1) != (len(got) == 0) {
				t.Errorf("with %d slots, after bob's first it is the turn of %v", slots, got)
			}
		})
	}
}

// What waits in River's queue waits in the order in which it came: so no more is admitted than there are slots.
func TestNoMoreThanThePoolHasSlots(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.SyncKinds(t.Context(), []jobs.Kind{{Name: "work", Command: []string{"true"}, Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}, Concurrency: jobs.Concurrency{Total: 50}}}))
	b.worker("work") // has four slots
	if got := b.admit(b.of("ada", 20)...); len(got) != 4 {
		t.Errorf("%d are admitted to four slots", len(got))
	}
	b.worker("work")
	if n, err := b.AdmitLimited(t.Context(), 500); err != nil || n != 4 {
		t.Errorf("with another worker, %d more, %v", n, err)
	}
}

// A retry, a lost attempt and a second run are counted like any other attempt.
func TestLimitsOverAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.limit(1, 0)
	tasks := b.of("ada", 2)
	b.admit()
	b.ok(b.End(t.Context(), failed(b.claim(tasks[0], worker), &jobs.Next{Delay: time.Hour, CostsTry: true})))
	if got := b.admit(tasks...); len(got) != 1 || got[0] != tasks[1] {
		t.Errorf("while the first waits for its retry: %v", got)
	}
	b.ok(b.End(t.Context(), failed(b.claim(tasks[1], worker), &jobs.Next{})))
	if got := b.admit(tasks...); len(got) != 1 || got[0] != tasks[1] {
		t.Errorf("tried again at once: %v", got)
	}
	b.ok(b.End(t.Context(), completed(b.claim(tasks[1], worker), "")))
	kind := jobs.Kind{Name: "work", Pool: "default", Retry: jobs.Retry{MaxAttempts: 1}}
	b.ok(b.Retry(t.Context(), tasks[1], kind, "h"))
	if _, queued := b.candidate(tasks[1]); queued {
		t.Error("a second run is queued without admission")
	}
	if got := b.admit(tasks...); len(got) != 1 || got[0] != tasks[1] {
		t.Errorf("the second run: %v", got)
	}
}

// Limits that come, go and change are those of what waits and runs already, too.
func TestLimitsChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	tasks := b.of("ada", 3) // queued: there is no limit
	b.claim(tasks[0], worker)
	b.limit(4, 0)
	more := b.of("ada", 3)
	if got := b.admit(more...); len(got) != 1 {
		t.Errorf("with three active of four, %d more are admitted", len(got))
	}
	b.ok(b.SyncKinds(t.Context(), []jobs.Kind{{Name: "work", Command: []string{"true"}, Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}}}))
	if n, err := b.Admit(t.Context(), 500); err != nil || n != 2 {
		t.Errorf("without a limit %d are admitted, %v", n, err)
	}
}

// Two control planes that count at the same time would both find room. So one waits for the other.
func TestAdmissionsTakeTurns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.limit(1, 0)
	ada, bob := b.of("ada", 1)[0], b.of("bob", 1)[0]
	exec := func(db interface {
		Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	}, sql string, arguments ...any,
	) {
		t.Helper()
		_, err := db.Exec(t.Context(), sql, arguments...)
		b.ok(err)
	}
	exec(b.Pool(), `INSERT INTO freshet.turns (kind, owner, at) VALUES ('work', 'ada', now())`) // it is bob's turn
	other, err := b.Pool().Begin(t.Context())                                                   // and still another replica admits ada's
	b.ok(err)
	defer func() { _ = other.Rollback(context.WithoutCancel(t.Context())) }()
	exec(other, `SELECT pg_advisory_xact_lock(hashtextextended('freshet admission', 0))`)
	exec(other, `UPDATE freshet.attempts SET state = 'queued' WHERE task_id = $1`, ada)
	admitted := make(chan int, 1)
	go func() {
		n, err := b.AdmitLimited(t.Context(), 500)
		if err != nil {
			t.Error(err)
		}
		admitted <- n
	}()
	for b.count(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) == 0 {
		select {
		case n := <-admitted:
			t.Fatalf("%d admitted, of which the other replica knows nothing", n)
		default:
		}
	}
	b.ok(other.Commit(t.Context()))
	if n := <-admitted; n != 0 {
		t.Errorf("%d admitted beside ada's; bob's waits: %s", n, b.waits(bob))
	}
}

// Whatever several control planes, workers and users do at once, never more than the limits are active, and
// in the end everything has run.
func TestLimitsHoldUnderLoad(t *testing.T) {
	t.Parallel()
	const total, perOwner, owners, each = 5, 2, 4, 25
	b := newBench(t)
	worker := b.limit(total, perOwner)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for owner := range owners {
		all.Go(func() { b.of(fmt.Sprint("owner-", owner), each) })
	}
	watch := func() (left int) {
		var active, most int
		b.ok(b.Pool().QueryRow(ctx, `SELECT coalesce(sum(n), 0), coalesce(max(n), 0), (SELECT count(*) FROM freshet.attempts WHERE state <> 'ended')
			FROM (SELECT count(*) AS n FROM freshet.attempts WHERE state IN ('queued', 'running') GROUP BY owner) AS o`).Scan(&active, &most, &left))
		if active > total || most > perOwner {
			t.Errorf("%d active, %d of one owner", active, most)
		}
		return left
	}
	for range 3 {
		all.Go(func() {
			for watch() > 0 || ctx.Err() == nil && b.count(`SELECT count(*) FROM freshet.tasks`) < owners*each {
				if _, err := b.AdmitLimited(ctx, 500); err != nil {
					t.Error(err)
					return
				}
				b.runSome(ctx, worker)
			}
		})
	}
	all.Wait()
	if done := b.count(`SELECT count(*) FROM freshet.tasks WHERE state = 'completed'`); done != owners*each {
		t.Errorf("%d of %d tasks completed", done, owners*each)
	}
	b.dense(t.Context())
}

// runSome claims and completes what is queued, as far as nobody else does.
func (b *bench) runSome(ctx context.Context, worker uuid.UUID) {
	rows, err := b.Pool().Query(ctx, `SELECT (args->>'taskId')::uuid, (args->>'attempt')::int, id FROM river.river_job`)
	if err != nil {
		b.t.Error(err)
		return
	}
	defer rows.Close()
	var candidates []jobs.Candidate
	for rows.Next() {
		var c jobs.Candidate
		if err := rows.Scan(&c.TaskID, &c.Attempt, &c.RiverJob); err != nil {
			b.t.Error(err)
			return
		}
		candidates = append(candidates, c)
	}
	rows.Close()
	for _, c := range candidates {
		claim, refusal, err := b.Claim(ctx, worker, c)
		if err != nil {
			b.t.Error(err)
			return
		}
		if refusal == jobs.ClaimGranted {
			_ = b.End(ctx, completed(claim, "")) // another may have been granted the same claim, and have ended it
		}
	}
}
