package postgres_test

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"freshet/jobs"
	"freshet/jobs/postgres"
)

func keyed(key string, scope jobs.IdempotencyScope, payload byte) func(*jobs.Submission) {
	return func(s *jobs.Submission) {
		s.Idempotency = &jobs.Idempotency{Key: key, Scope: scope, Fingerprint: [32]byte{payload}}
	}
}

func with(changes ...func(*jobs.Submission)) jobs.Submission {
	sub := submission()
	for _, change := range changes {
		change(&sub)
	}
	return sub
}

func TestSameKeyAtOnceIsOneTask(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	answers := make([]jobs.Submitted, 20)
	var clients sync.WaitGroup
	for i := range answers {
		clients.Go(func() {
			var err error
			if answers[i], err = b.Submit(t.Context(), with(keyed("click", jobs.Retained, 1))); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	fresh := 0
	for _, answer := range answers {
		if !answer.Replayed {
			fresh++
		}
		if answer.ID != answers[0].ID || answer.Conflict {
			t.Errorf("answer %+v, want task %s", answer, answers[0].ID)
		}
	}
	if fresh != 1 {
		t.Errorf("%d tasks were made", fresh)
	}
	b.dense(t.Context())
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.submit(keyed("k", jobs.Active, 1))
	if answer, err := b.Submit(t.Context(), with(keyed("k", jobs.Active, 2))); err != nil || !answer.Conflict {
		t.Errorf("another payload: %+v, %v", answer, err)
	}
	if answer, err := b.Submit(t.Context(), with(keyed("k", jobs.Active, 2), func(s *jobs.Submission) { s.Owner = "lin" })); err != nil || answer.Conflict || answer.Replayed {
		t.Errorf("another owner: %+v, %v", answer, err)
	}
	b.ok(b.End(t.Context(), completed(b.claim(first, b.worker("work")), "")))
	if second := b.submit(keyed("k", jobs.Active, 2)); second == first {
		t.Error("an active key was not freed when its task ended")
	}
	retained := b.submit(keyed("r", jobs.Retained, 1))
	b.ok(b.Cancel(t.Context(), retained))
	if again := b.submit(keyed("r", jobs.Retained, 1)); again != retained {
		t.Error("a retained key was freed when its task ended")
	}
	b.dense(t.Context())
}

func TestSubmitAllIsAllOrNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.submit(keyed("k", jobs.Retained, 1))
	answers, err := b.SubmitAll(t.Context(), []jobs.Submission{with(), with(keyed("k", jobs.Retained, 2)), with()})
	if err != nil || !answers[1].Conflict {
		t.Fatalf("answers %+v, %v", answers, err)
	}
	if tasks, _ := b.Tasks(t.Context(), jobs.TaskFilter{}, uuid.Nil, 10); len(tasks) != 1 {
		t.Errorf("%d tasks are stored, want the first one only", len(tasks))
	}
	answers, err = b.SubmitAll(t.Context(), []jobs.Submission{with(), with(keyed("k", jobs.Retained, 1)), with(keyed("n", jobs.Retained, 1)), with(keyed("n", jobs.Retained, 1))})
	if err != nil || answers[0].Replayed || !answers[1].Replayed || answers[2].Replayed || !answers[3].Replayed || answers[3].ID != answers[2].ID {
		t.Errorf("answers %+v, %v", answers, err)
	}
	b.dense(t.Context())
}

func TestHeldUntilDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	later := time.Now().Add(time.Hour)
	id := b.submit(func(s *jobs.Submission) { s.ScheduledAt = &later })
	if wait := b.task(id).Wait; wait.Reason != jobs.WaitScheduled || wait.Until == nil || wait.Until.Sub(later).Abs() > time.Millisecond {
		t.Errorf("wait %+v", wait)
	}
	if n, err := b.Admit(t.Context(), 10); err != nil || n != 0 {
		t.Fatalf("admitted %d before the time, %v", n, err)
	}
	b.makeDue(id)
	if n, err := b.Admit(t.Context(), 10); err != nil || n != 1 {
		t.Fatalf("admitted %d, %v", n, err)
	}
	b.claim(id, b.worker("work"))
	b.dense(t.Context())
}

func TestPause(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]func(*bench, bool) error{
		"kind": func(b *bench, on bool) error { _, err := b.PauseKind(b.t.Context(), "work", on); return err },
		"pool": func(b *bench, on bool) error { _, err := b.PausePool(b.t.Context(), "default", on); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			worker := b.worker("work")
			before := b.submit()
			candidate, _ := b.candidate(before)
			b.ok(pause(b, true))
			after := b.submit()
			if _, refusal, err := b.Claim(t.Context(), worker, candidate); err != nil || refusal != jobs.ClaimHeld {
				t.Errorf("claim while paused: %q, %v", refusal, err)
			}
			for _, id := range []uuid.UUID{before, after} {
				if wait := b.task(id).Wait; wait == nil || wait.Reason != jobs.WaitPaused {
					t.Errorf("wait %+v", wait)
				}
				if _, found := b.candidate(id); found {
					t.Error("a paused attempt has a River job")
				}
			}
			if n, err := b.Admit(t.Context(), 10); err != nil || n != 0 {
				t.Errorf("admitted %d while paused, %v", n, err)
			}
			b.ok(pause(b, false))
			if n, err := b.Admit(t.Context(), 10); err != nil || n != 2 {
				t.Errorf("admitted %d, %v", n, err)
			}
			b.dense(t.Context())
		})
	}
}

func TestAKindThatTheWorkerLacks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stranger := b.worker("other")
	id := b.submit()
	if wait := b.task(id).Wait; wait.Reason != jobs.WaitNoWorker {
		t.Errorf("wait %+v", wait)
	}
	candidate, _ := b.candidate(id)
	if _, refusal, err := b.Claim(t.Context(), stranger, candidate); err != nil || refusal != jobs.ClaimHeld {
		t.Fatalf("claim of a worker without the kind: %q, %v", refusal, err)
	}
	if n, err := b.Admit(t.Context(), 10); err != nil || n != 0 {
		t.Errorf("admitted %d with no worker for it, %v", n, err)
	}
	able := b.worker("work")
	if n, err := b.Admit(t.Context(), 10); err != nil || n != 1 {
		t.Errorf("admitted %d, %v", n, err)
	}
	b.claim(id, able)
	b.dense(t.Context())
}

func TestExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	soon := time.Now().Add(time.Hour)
	expires := func(s *jobs.Submission) { s.ExpiresAt = &soon }
	waits, runs := b.submit(expires), b.submit(expires)
	claim := b.claim(runs, b.worker("work"))
	b.makeDue(waits)
	b.makeDue(runs)
	if n, err := b.Expire(t.Context(), 10); err != nil || n != 1 {
		t.Fatalf("expired %d, %v", n, err)
	}
	task := b.task(waits)
	if task.State != jobs.Failed || task.Failure == nil || task.Failure.Code != jobs.CodeExpired || task.Tries != 0 {
		t.Errorf("expired task: %+v, %+v", task, task.Failure)
	}
	b.ok(b.End(t.Context(), completed(claim, "")))
	b.dense(t.Context())
}

// riverArgs has the JSON that our own insert writes.
type riverArgs struct {
	TaskID  uuid.UUID `json:"taskId"`
	Attempt int       `json:"attempt"`
}

func (riverArgs) Kind() string { return postgres.RiverKind }

// TestRiverJobIsWhatRiverWrites holds our row against River's own insert, column by column.
func TestRiverJobIsWhatRiverWrites(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.submit()
	ours := b.riverJob(id)
	client, err := river.NewClient(riverpgxv5.New(b.Pool()), &river.Config{Schema: postgres.RiverSchema})
	b.ok(err)
	inserted, err := client.Insert(t.Context(), riverArgs{TaskID: id, Attempt: 1},
		&river.InsertOpts{MaxAttempts: 1, Priority: int(jobs.Normal.River()), Queue: jobs.Queue("default")})
	b.ok(err)
	row := func(id int64) map[string]any {
		var text []byte
		b.ok(b.Pool().QueryRow(t.Context(), `SELECT to_jsonb(j) - 'id' - 'created_at' - 'scheduled_at' FROM river.river_job j WHERE id = $1`, id).Scan(&text))
		var columns map[string]any
		b.ok(json.Unmarshal(text, &columns))
		return columns
	}
	want, _ := json.Marshal(row(inserted.Job.ID))
	if got, _ := json.Marshal(row(ours)); string(got) != string(want) {
		t.Errorf("our row\n%s\nRiver's\n%s", got, want)
	}
}

// TestHintIsWhatRiverSends holds our hint against the one that River's own insert sends.
func TestHintIsWhatRiverSends(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	conn, err := pgx.Connect(t.Context(), b.url)
	b.ok(err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	_, err = conn.Exec(t.Context(), `LISTEN "river.river_insert"`)
	b.ok(err)
	b.submit()
	ours, err := conn.WaitForNotification(t.Context())
	b.ok(err)
	client, err := river.NewClient(riverpgxv5.New(b.Pool()), &river.Config{Schema: postgres.RiverSchema})
	b.ok(err)
	_, err = client.Insert(t.Context(), riverArgs{}, &river.InsertOpts{Queue: jobs.Queue("default")})
	b.ok(err)
	theirs, err := conn.WaitForNotification(t.Context())
	b.ok(err)
	var got, want map[string]any
	b.ok(json.Unmarshal([]byte(ours.Payload), &got))
	b.ok(json.Unmarshal([]byte(theirs.Payload), &want))
	if ours.Channel != theirs.Channel || got["queue"] != want["queue"] || len(got) != len(want) {
		t.Errorf("our hint %s %s, River's %s %s", ours.Channel, ours.Payload, theirs.Channel, theirs.Payload)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var mine []uuid.UUID
	for i := range 5 {
		mine = append(mine, b.submit(func(s *jobs.Submission) {
			if i%2 == 0 {
				s.Tags = []string{"even"}
			}
		}))
		b.submit(func(s *jobs.Submission) { s.Owner = "lin" })
	}
	b.ok(b.Cancel(t.Context(), mine[4]))
	for name, test := range map[string]struct {
		filter jobs.TaskFilter
		before uuid.UUID
		want   []uuid.UUID
	}{
		"owner":     {jobs.TaskFilter{Owner: "ada"}, uuid.Nil, []uuid.UUID{mine[4], mine[3], mine[2], mine[1], mine[0]}},
		"page":      {jobs.TaskFilter{Owner: "ada"}, mine[2], []uuid.UUID{mine[1], mine[0]}},
		"state":     {jobs.TaskFilter{Owner: "ada", State: jobs.Cancelled}, uuid.Nil, []uuid.UUID{mine[4]}},
		"alive tag": {jobs.TaskFilter{Owner: "ada", State: jobs.Pending, Tag: "even"}, uuid.Nil, []uuid.UUID{mine[2], mine[0]}},
		"kind":      {jobs.TaskFilter{Owner: "ada", Kind: "other"}, uuid.Nil, nil},
		"future":    {jobs.TaskFilter{Owner: "ada", CreatedAfter: time.Now().Add(time.Hour)}, uuid.Nil, nil},
		"past":      {jobs.TaskFilter{Owner: "ada", CreatedBefore: time.Now().Add(-time.Hour)}, uuid.Nil, nil},
	} {
		tasks, err := b.Tasks(t.Context(), test.filter, test.before, 10)
		b.ok(err)
		var got []uuid.UUID
		for _, task := range tasks {
			got = append(got, task.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestSubmitWhoseAnswerWasLost stores a task twice, as a batch does that is run again after its connection
// broke: it is one task, and the second time a success.
func TestSubmitWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keyed := submission()
	keyed.Idempotency = &jobs.Idempotency{Key: "k", Scope: jobs.Retained}
	for _, sub := range []jobs.Submission{submission(), keyed} {
		for range 2 {
			if answer, err := b.Submit(t.Context(), sub); err != nil || answer.ID != sub.ID || answer.Conflict {
				t.Errorf("answer %+v, %v", answer, err)
			}
		}
	}
	b.dense(t.Context())
}
