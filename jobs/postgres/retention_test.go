package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// aged has a task look as if it had been submitted, and had ended, days ago. It goes to a partition of
// its day.
func (b *bench) aged(days int, change ...func(*jobs.Submission)) uuid.UUID {
	b.t.Helper()
	at := time.Now().AddDate(0, 0, -days)
	b.ok(b.EnsurePartitions(b.t.Context(), at, 1))
	id := uuid.Must(uuid.NewV7())
	millis := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(millis >> (8 * (5 - i)))
	}
	claim := b.claim(b.submit(append(change, func(s *jobs.Submission) { s.ID = id })...), b.worker("work"))
	_, err := b.Flush(b.t.Context(), jobs.Flush{Fence: claim.Fence, To: 1, Records: []jobs.Record{{At: at, Stream: jobs.Stdout, Bytes: []byte("old\n")}}})
	b.ok(err)
	b.ok(b.SaveArtifact(b.t.Context(), claim.Fence, "a.txt", "text/plain", slicesReader("x")))
	b.ok(b.End(b.t.Context(), completed(claim, `{}`)))
	_, err = b.Pool().Exec(b.t.Context(), `UPDATE freshet.tasks SET ended_at = $2 WHERE id = $1`, id, at)
	b.ok(err)
	return id
}

func (b *bench) count(query string) (n int) {
	b.t.Helper()
	b.ok(b.Pool().QueryRow(b.t.Context(), query).Scan(&n))
	return n
}

func (b *bench) rows(table string, id uuid.UUID) (n int) {
	b.t.Helper()
	column := "task_id"
	if table == "tasks" {
		column = "id"
	}
	b.ok(b.Pool().QueryRow(b.t.Context(), `SELECT count(*) FROM freshet.`+table+` WHERE `+column+` = $1`, id).Scan(&n))
	return n
}

const day = 24 * time.Hour

func TestOldTasksAreRemoved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keyed := func(s *jobs.Submission) { s.Idempotency = &jobs.Idempotency{Key: "k", Scope: jobs.Retained} }
	old, young := b.aged(40, keyed), b.aged(20)
	waiting := b.submit()
	if removed, err := b.RemoveOld(t.Context(), 30*day, 100); err != nil || removed != 1 {
		t.Fatalf("removed %d tasks: %v", removed, err)
	}
	for _, table := range []string{"tasks", "task_payloads", "attempts", "artifacts", "idempotency_keys"} {
		if n := b.rows(table, old); n != 0 {
			t.Errorf("%d rows of the old task in %s", n, table)
		}
	}
	if b.rows("tasks", young) != 1 || b.rows("tasks", waiting) != 1 || b.rows("artifacts", young) != 1 {
		t.Error("a task that is not old, or has not ended, was removed")
	}
	if b.count(`SELECT count(*) FROM freshet.artifact_chunks`) != 1 {
		t.Error("the content of the old file is still there")
	}
	before := b.count(`SELECT count(*) FROM pg_inherits WHERE inhparent = 'freshet.task_events'::regclass`)
	if dropped, err := b.DropDays(t.Context()); err != nil || dropped < 2 {
		t.Fatalf("dropped %d days: %v", dropped, err)
	}
	if after := b.count(`SELECT count(*) FROM pg_inherits WHERE inhparent = 'freshet.task_events'::regclass`); after >= before {
		t.Errorf("%d partitions, then %d", before, after)
	}
	if b.rows("task_events", old) != 0 || b.rows("task_logs", old) != 0 || b.rows("task_events", young) == 0 || b.rows("task_logs", young) != 1 {
		t.Error("the wrong days were dropped")
	}
	b.submit() // today's partitions are there
	b.dense(t.Context())
}

func TestOldLogsGoByTheDay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, mixed, alive := b.aged(20), b.aged(18), b.aged(18)
	_, err := b.Pool().Exec(t.Context(), `UPDATE freshet.tasks SET ended_at = now() WHERE id = $1`, alive) // ran for long
	b.ok(err)
	if dropped, err := b.DropLogs(t.Context(), 14*day); err != nil || dropped != 1 {
		t.Fatalf("dropped %d days: %v", dropped, err)
	}
	if b.rows("task_logs", old) != 0 || b.rows("task_logs", mixed) != 1 || b.rows("task_events", old) == 0 {
		t.Error("the wrong days were dropped")
	}
	if n := b.count(`SELECT sum(log_bytes) FROM freshet.tasks`); n != 2*len("old\n") {
		t.Errorf("what is left of the output counts %d bytes", n)
	}
	// Whoever reopens the task writes where there is no partition of its day any more.
	b.ok(b.Retry(t.Context(), old, jobs.Kind{Name: "work", Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}}, b.task(old).KindHash))
	claim := b.claim(old, b.worker("work"))
	_, err = b.Flush(t.Context(), jobs.Flush{Fence: claim.Fence, To: 1, Records: []jobs.Record{{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("new\n")}}})
	b.ok(err)
	b.ok(b.End(t.Context(), completed(claim, `{}`)))
	if b.rows("task_logs", old) != 1 {
		t.Error("what a reopened task printed is lost")
	}
}

func TestOldArtifactsAreRemoved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, young := b.aged(31), b.aged(29)
	if removed, err := b.RemoveOldArtifacts(t.Context(), 30*day, 100); err != nil || removed != 1 {
		t.Fatalf("removed %d files: %v", removed, err)
	}
	if b.rows("artifacts", old) != 0 || b.rows("artifacts", young) != 1 || b.rows("tasks", old) != 1 {
		t.Error("the wrong files were removed")
	}
	if n := b.count(`SELECT sum(artifact_bytes) FROM freshet.tasks`); n != 1 {
		t.Errorf("what is left of the files counts %d bytes", n)
	}
}

// TestPartitionsAreMadeByManyAtOnce, as by replicas that are started together.
func TestPartitionsAreMadeByManyAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var replicas sync.WaitGroup
	for range 6 {
		replicas.Go(func() {
			if err := b.EnsurePartitions(t.Context(), time.Now().AddDate(0, 1, 0), 4); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
}
