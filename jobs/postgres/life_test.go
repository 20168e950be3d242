package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func TestALife(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	id := b.submit(func(s *jobs.Submission) { s.Tags = []string{`a "b"`, `c\d`} })

	if task := b.task(id); task.State != jobs.Pending || task.Wait == nil || task.Wait.Reason != jobs.WaitQueued {
		t.Fatalf("after the submit: %+v, wait %+v", task, task.Wait)
	}
	claim := b.claim(id, worker)
	if string(claim.Input) != `{"n": 1.0}` || claim.Owner != "ada" || claim.MaxTries != 3 || claim.StartedAt.IsZero() {
		t.Errorf("claim %+v with input %s", claim, claim.Input)
	}
	progress, message := 40, "halfway"
	now := time.Now()
	flushed, err := b.Flush(t.Context(), jobs.Flush{
		Fence: claim.Fence, From: 0, To: 3, Progress: &progress, Message: &message,
		Records: []jobs.Record{
			{At: now, Stream: jobs.Stdout, Bytes: []byte("hello\x00\xff\n")},
			{At: now, Type: jobs.TaskProgress, Data: []byte(`{"progress":40,"message":"halfway"}`)},
			{At: now, Stream: jobs.Stderr, Bytes: []byte("oops"), Partial: true},
		},
	})
	if err != nil || flushed.Stored != 3 || flushed.CancelRequested {
		t.Fatalf("flush: %+v, %v", flushed, err)
	}
	b.ok(b.End(t.Context(), completed(claim, `{"ok":true}`)))

	task := b.task(id)
	if task.State != jobs.Completed || string(task.Output) != `{"ok":true}` || task.Progress != 100 || task.Message != "halfway" ||
		task.Tries != 1 || task.EndedAt == nil || task.Wait != nil || task.Seq != 6 || !slices.Equal(task.Tags, []string{`a "b"`, `c\d`}) {
		t.Errorf("completed task: %+v", task)
	}
	if got, want := b.types(id), []jobs.EventType{jobs.TaskCreated, jobs.TaskStarted, jobs.TaskProgress, jobs.TaskCompleted}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	logs, err := b.Logs(t.Context(), id, jobs.LogFilter{Limit: 10})
	b.ok(err)
	if len(logs) != 2 || string(logs[0].Bytes) != "hello\x00\xff\n" || logs[0].Seq != 3 || logs[1].Stream != jobs.Stderr || !logs[1].Partial {
		t.Errorf("logs %+v", logs)
	}
	b.dense(t.Context())
}

func TestFlushAgainIsASuccess(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.submit()
	claim := b.claim(id, b.worker("work"))
	flush := jobs.Flush{Fence: claim.Fence, From: 0, To: 1, Records: []jobs.Record{{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("x\n")}}}
	for range 2 {
		flushed, err := b.Flush(t.Context(), flush)
		if err != nil || flushed.Stored != 1 {
			t.Fatalf("flush: %+v, %v", flushed, err)
		}
	}
	ahead := flush
	ahead.From, ahead.To = 5, 6
	if flushed, err := b.Flush(t.Context(), ahead); err != nil || flushed.Stored != 1 {
		t.Fatalf("a flush with a gap must store nothing and say what is stored: %+v, %v", flushed, err)
	}
	b.dense(t.Context())
}

func TestStaleWritesChangeNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.submit()
	claim := b.claim(id, b.worker("work"))
	b.ok(b.End(t.Context(), failed(claim, &jobs.Next{CostsTry: true})))
	b.claim(id, b.worker("work"))
	before := b.task(id)

	for name, fence := range map[string]jobs.Fence{
		"an attempt that has ended":     claim.Fence,
		"another worker":                {TaskID: id, Attempt: 2, WorkerID: uuid.New()},
		"an attempt that is to come":    {TaskID: id, Attempt: 3, WorkerID: claim.WorkerID},
		"a task that there never was":   {TaskID: uuid.New(), Attempt: 1, WorkerID: claim.WorkerID},
		"the right worker, old attempt": {TaskID: id, Attempt: 2, WorkerID: claim.WorkerID},
	} {
		b.refused(name, fence)
	}
	if after := b.task(id); after.Seq != before.Seq || after.State != jobs.Running || after.Attempt != 2 {
		t.Errorf("stale writes changed the task: %+v", after)
	}
	b.dense(t.Context())
}

// refused fails the test unless every write under the fence is refused.
func (b *bench) refused(name string, fence jobs.Fence) {
	b.t.Helper()
	_, err := b.Flush(b.t.Context(), jobs.Flush{Fence: fence, To: 1, Records: []jobs.Record{{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("x")}}})
	if !errors.Is(err, jobs.ErrFenced) {
		b.t.Errorf("flush of %s: %v", name, err)
	}
	if err := b.End(b.t.Context(), jobs.Ending{Fence: fence, Outcome: jobs.OutcomeCompleted}); !errors.Is(err, jobs.ErrFenced) {
		b.t.Errorf("end of %s: %v", name, err)
	}
	if err := b.SaveArtifact(b.t.Context(), fence, "a", "text/plain", slicesReader("x")); !errors.Is(err, jobs.ErrFenced) {
		b.t.Errorf("artifact of %s: %v", name, err)
	}
}

func TestClaimAndEndRecogniseThemselves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	id := b.submit()
	candidate, _ := b.candidate(id)
	claim := b.claim(id, worker)
	again, refusal, err := b.Claim(t.Context(), worker, candidate)
	if err != nil || refusal != jobs.ClaimGranted || !again.StartedAt.Equal(claim.StartedAt) {
		t.Errorf("the same claim again: %+v, %q, %v", again, refusal, err)
	}
	if _, refusal, _ := b.Claim(t.Context(), b.worker("work"), candidate); refusal != jobs.ClaimStale {
		t.Errorf("another worker's claim was answered %q", refusal)
	}
	// That claim was of a stray job, as far as it could know, and took it away; the attempt's end does not mind.
	b.ok(b.End(t.Context(), completed(claim, "")))
	b.ok(b.End(t.Context(), completed(claim, "")))
	if err := b.End(t.Context(), failed(claim, nil)); !errors.Is(err, jobs.ErrFenced) {
		t.Errorf("another end of an ended attempt: %v", err)
	}
	b.dense(t.Context())
}

func TestRetriesKeepEveryAttempt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	id := b.submit()
	b.ok(b.End(t.Context(), failed(b.claim(id, worker), &jobs.Next{CostsTry: true, Delay: time.Hour})))
	task := b.task(id)
	if task.State != jobs.Pending || task.Attempt != 2 || task.Tries != 1 || task.Wait.Reason != jobs.WaitBackoff || task.Wait.Until == nil {
		t.Fatalf("in backoff: %+v, wait %+v", task, task.Wait)
	}
	if _, found := b.candidate(id); found {
		t.Fatal("an attempt in backoff has a River job")
	}
	if due, waits, err := b.NextDue(t.Context()); err != nil || !waits || due < 59*time.Minute || due > time.Hour {
		t.Errorf("next due in %s, %t, %v", due, waits, err)
	}
	b.makeDue(id)
	if n, err := b.Admit(t.Context(), 10); err != nil || n != 1 {
		t.Fatalf("admitted %d, %v", n, err)
	}
	b.ok(b.End(t.Context(), jobs.Ending{Fence: b.claim(id, worker).Fence, Outcome: jobs.OutcomeInterrupted, Next: &jobs.Next{}, RiverJob: b.riverJob(id)}))
	last := b.claim(id, worker)
	if last.Attempt != 3 || last.Tries != 1 {
		t.Errorf("after an interruption: attempt %d, tries %d", last.Attempt, last.Tries)
	}
	b.ok(b.End(t.Context(), failed(last, nil)))
	task = b.task(id)
	if task.State != jobs.Failed || task.Tries != 2 || task.Failure == nil || task.Failure.Code != jobs.CodeExit || task.Failure.Attempt != 3 {
		t.Errorf("failed task: %+v, %+v", task, task.Failure)
	}
	attempts, err := b.Attempts(t.Context(), id)
	b.ok(err)
	var outcomes []jobs.Outcome
	for _, attempt := range attempts {
		outcomes = append(outcomes, attempt.Outcome)
	}
	if want := []jobs.Outcome{jobs.OutcomeFailed, jobs.OutcomeInterrupted, jobs.OutcomeFailed}; !slices.Equal(outcomes, want) {
		t.Errorf("outcomes %v, want %v", outcomes, want)
	}
	if got, want := b.types(id), []jobs.EventType{
		jobs.TaskCreated, jobs.TaskStarted, jobs.TaskRetrying, jobs.TaskStarted, jobs.TaskInterrupted, jobs.TaskStarted, jobs.TaskFailed,
	}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}

	kind := jobs.Kind{Name: "work", Pool: "default", Retry: jobs.Retry{MaxAttempts: 5}}
	b.ok(b.Retry(t.Context(), id, kind, "newer"))
	task = b.task(id)
	if task.State != jobs.Pending || task.Run != 2 || task.Attempt != 4 || task.Tries != 0 || task.KindHash != "newer" || task.Failure != nil || task.EndedAt != nil {
		t.Errorf("after a retry by hand: %+v", task)
	}
	if err := b.Retry(t.Context(), id, kind, "newer"); !errors.Is(err, jobs.ErrNotEnded) {
		t.Errorf("a retry of a task that waits: %v", err)
	}
	b.dense(t.Context())
}

// makeDue moves the due and expiry times of a task's attempt into the past.
func (b *bench) makeDue(task uuid.UUID) {
	b.t.Helper()
	_, err := b.Pool().Exec(b.t.Context(), `UPDATE freshet.attempts SET due_at = now() - interval '1 second',
		expires_at = CASE WHEN expires_at IS NOT NULL THEN now() - interval '1 second' END WHERE task_id = $1 AND state <> 'ended'`, task)
	b.ok(err)
}

func (b *bench) riverJob(task uuid.UUID) int64 {
	b.t.Helper()
	candidate, _ := b.candidate(task)
	return candidate.RiverJob
}

func TestTail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.submit()
	claim := b.claim(id, b.worker("work"))
	flush := jobs.Flush{Fence: claim.Fence, To: 4}
	for _, text := range []string{"one\ntwo\nth", "ree\nfour\n", "five\n", "six"} {
		flush.Records = append(flush.Records, jobs.Record{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte(text), Partial: text == "one\ntwo\nth"})
	}
	_, err := b.Flush(t.Context(), flush)
	b.ok(err)
	all := "one\ntwo\nthree\nfour\nfive\nsix"
	for tail, want := range map[int]string{1: "six", 2: "five\nsix", 3: "four\nfive\nsix", 4: all[8:], 5: all[4:], 6: all, 99: all} {
		chunks, err := b.Logs(t.Context(), id, jobs.LogFilter{Tail: tail, Limit: 100})
		b.ok(err)
		var got []byte
		for _, chunk := range chunks {
			got = append(got, chunk.Bytes...)
		}
		if string(got) != want {
			t.Errorf("the last %d lines are %q, want %q", tail, got, want)
		}
	}
}
