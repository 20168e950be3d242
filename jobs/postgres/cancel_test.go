package postgres_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func slicesReader(text string) io.Reader { return strings.NewReader(text) }

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour)
	for name, change := range map[string]func(*jobs.Submission){
		"queued":    func(*jobs.Submission) {},
		"scheduled": func(s *jobs.Submission) { s.ScheduledAt = &later },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			id := b.submit(change)
			b.ok(b.Cancel(t.Context(), id))
			b.ok(b.Cancel(t.Context(), id))
			task := b.task(id)
			if task.State != jobs.Cancelled || task.CancelRequestedAt == nil || task.EndedAt == nil {
				t.Errorf("cancelled task: %+v", task)
			}
			if got, want := b.types(id), []jobs.EventType{jobs.TaskCreated, jobs.TaskCancelled}; !slices.Equal(got, want) {
				t.Errorf("events %v, want %v", got, want)
			}
			b.dense(t.Context())
		})
	}
}

func TestCancelWhileRunning(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		ending func(jobs.Claim) jobs.Ending
		state  jobs.State
	}{
		"it stops": {func(c jobs.Claim) jobs.Ending {
			return jobs.Ending{Fence: c.Fence, RiverJob: c.RiverJob, Outcome: jobs.OutcomeCancelled}
		}, jobs.Cancelled},
		"it fails": {func(c jobs.Claim) jobs.Ending { return failed(c, &jobs.Next{CostsTry: true}) }, jobs.Cancelled},
		"it is interrupted": {func(c jobs.Claim) jobs.Ending {
			return jobs.Ending{Fence: c.Fence, RiverJob: c.RiverJob, Outcome: jobs.OutcomeInterrupted, Next: &jobs.Next{}}
		}, jobs.Cancelled},
		"it was done": {func(c jobs.Claim) jobs.Ending { return completed(c, "") }, jobs.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			worker := b.worker("work")
			id := b.submit()
			claim := b.claim(id, worker)
			b.ok(b.Cancel(t.Context(), id))
			if task := b.task(id); task.State != jobs.Running || task.CancelRequestedAt == nil {
				t.Errorf("while it runs: %+v", task)
			}
			asked, err := b.CancelsRequested(t.Context(), worker)
			if err != nil || !slices.Equal(asked, []uuid.UUID{id}) {
				t.Errorf("requested cancels %v, %v", asked, err)
			}
			flushed, err := b.Flush(t.Context(), jobs.Flush{Fence: claim.Fence})
			if err != nil || !flushed.CancelRequested {
				t.Errorf("a flush does not tell of the cancel: %+v, %v", flushed, err)
			}
			ending := end.ending(claim)
			b.ok(b.End(t.Context(), ending))
			b.ok(b.End(t.Context(), ending))
			if task := b.task(id); task.State != end.state {
				t.Errorf("state %s, want %s", task.State, end.state)
			}
			b.dense(t.Context())
		})
	}
}

func TestCancelRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.Cancel(t.Context(), uuid.New()); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("a task that there never was: %v", err)
	}
	id := b.submit()
	b.ok(b.End(t.Context(), completed(b.claim(id, b.worker("work")), "")))
	if err := b.Cancel(t.Context(), id); !errors.Is(err, jobs.ErrEnded) {
		t.Errorf("a completed task: %v", err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.submit(func(s *jobs.Submission) { s.Idempotency = &jobs.Idempotency{Key: "k", Scope: jobs.Retained} })
	if err := b.Remove(t.Context(), id); !errors.Is(err, jobs.ErrNotEnded) {
		t.Errorf("a task that waits: %v", err)
	}
	claim := b.claim(id, b.worker("work"))
	b.ok(b.SaveArtifact(t.Context(), claim.Fence, "a", "text/plain", slicesReader("x")))
	b.ok(b.End(t.Context(), completed(claim, "")))
	b.ok(b.Remove(t.Context(), id))
	for _, table := range []string{"tasks", "task_payloads", "attempts", "task_events", "task_logs", "artifacts", "artifact_chunks", "idempotency_keys"} {
		var rows int
		b.ok(b.Pool().QueryRow(t.Context(), "SELECT count(*) FROM freshet."+table).Scan(&rows))
		if rows != 0 {
			t.Errorf("%d rows are left in %s", rows, table)
		}
	}
	if err := b.Remove(t.Context(), id); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("a removed task: %v", err)
	}
}
