package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// lease is longer than any test.
const lease = time.Hour

// bench is a Store on a database of its own, and what tests do with it over and over.
type bench struct {
	*postgres.Store
	t   *testing.T
	url string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return benchAt(t, postgrestest.New(t))
}

// benchAt is a bench on the database of a URL, as its role.
func benchAt(t *testing.T, url string) *bench {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConnections: 16, Name: t.Name(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	b := &bench{Store: store, t: t, url: url}
	b.ok(store.EnsurePartitions(t.Context(), time.Now(), 2))
	b.ok(store.SyncKinds(t.Context(), []jobs.Kind{{Name: "work", Command: []string{"true"}, Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}}}))
	b.ok(store.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4}}))
	return b
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func submission() jobs.Submission {
	return jobs.Submission{
		ID: uuid.Must(uuid.NewV7()), Owner: "ada", Kind: "work", KindHash: "h", Pool: "default",
		MaxTries: 3, Priority: jobs.Normal, Input: json.RawMessage(`{"n": 1.0}`),
	}
}

func (b *bench) submit(change ...func(*jobs.Submission)) uuid.UUID {
	b.t.Helper()
	sub := submission()
	for _, c := range change {
		c(&sub)
	}
	answer, err := b.Submit(b.t.Context(), sub)
	b.ok(err)
	return answer.ID
}

func (b *bench) worker(kinds ...string) uuid.UUID {
	b.t.Helper()
	id := uuid.New()
	b.ok(b.RegisterWorker(b.t.Context(), jobs.Worker{ID: id, Pool: "default", Host: "here", PID: 1, Slots: 4, Kinds: kinds, Version: "test", Lease: lease}))
	return id
}

// candidate is what River would deliver for the task: its available job, if it has one.
func (b *bench) candidate(task uuid.UUID) (jobs.Candidate, bool) {
	b.t.Helper()
	candidate := jobs.Candidate{TaskID: task}
	err := b.Pool().QueryRow(b.t.Context(), `SELECT id, (args->>'attempt')::int FROM river.river_job
		WHERE args->>'taskId' = $1::text`, task.String()).Scan(&candidate.RiverJob, &candidate.Attempt)
	if err == pgx.ErrNoRows { //nolint:errorlint // pgx returns it as it is
		return candidate, false
	}
	b.ok(err)
	return candidate, true
}

func (b *bench) claim(task, worker uuid.UUID) jobs.Claim {
	b.t.Helper()
	candidate, found := b.candidate(task)
	if !found {
		b.t.Fatalf("task %s has no River job", task)
	}
	claim, refusal, err := b.Claim(b.t.Context(), worker, candidate)
	b.ok(err)
	if refusal != jobs.ClaimGranted {
		b.t.Fatalf("claim refused: %s", refusal)
	}
	return claim
}

func (b *bench) task(id uuid.UUID) jobs.Task {
	b.t.Helper()
	task, err := b.Task(b.t.Context(), id)
	b.ok(err)
	return task
}

func (b *bench) types(id uuid.UUID) []jobs.EventType {
	b.t.Helper()
	events, err := b.Events(b.t.Context(), id, 0, 1000)
	b.ok(err)
	types := make([]jobs.EventType, len(events))
	for i, event := range events {
		types[i] = event.Type
	}
	return types
}

func completed(claim jobs.Claim, output string) jobs.Ending {
	ending := jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeCompleted}
	if output != "" {
		ending.Output = json.RawMessage(output)
	}
	return ending
}

func failed(claim jobs.Claim, next *jobs.Next) jobs.Ending {
	return jobs.Ending{
		Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeFailed, Next: next,
		Failure: &jobs.Failure{Code: jobs.CodeExit, Message: "exit code 1", Attempt: claim.Attempt, Retryable: true},
	}
}

// dense fails the test unless the database is sound: the events and chunks of every task are numbered 1,
// 2, 3 … up to its seq, at most one attempt runs, and so on.
func (b *bench) dense(ctx context.Context) {
	b.t.Helper()
	wrong, err := postgrestest.Unsound(ctx, b.Pool())
	b.ok(err)
	for _, what := range wrong {
		b.t.Error(what)
	}
}

func TestOlderDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, url := range []string{postgrestest.Empty(t), b.url} {
		if url == b.url {
			_, err := b.Pool().Exec(t.Context(), `DELETE FROM freshet.schema_versions WHERE version = (SELECT max(version) FROM freshet.schema_versions)`)
			b.ok(err)
		}
		store, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConnections: 1, Name: t.Name(), Logger: slog.New(slog.DiscardHandler)})
		if !errors.Is(err, postgres.ErrOutdated) {
			t.Errorf("it was opened: %v", err)
			store.Close()
		}
	}
	_, err := b.Pool().Exec(t.Context(), `INSERT INTO freshet.schema_versions (version) VALUES (1000000)`)
	b.ok(err)
	store, err := postgres.Open(t.Context(), postgres.Options{URL: b.url, MaxConnections: 1, Name: t.Name(), Logger: slog.New(slog.DiscardHandler)})
	b.ok(err) // an upgrade's programs of before go on
	store.Close()
}
