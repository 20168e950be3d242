package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// One statement counts all that has not ended, whoever's it is, and another what is one owner's.
func TestStats(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4}, {Name: "idle", Provider: "none", Slots: 1}}))
	worker := b.worker("work")
	b.claim(b.submit(), worker)
	b.ok(b.End(t.Context(), completed(b.claim(b.submit(), worker), `{}`)))
	waits := b.submit()
	b.submit(func(s *jobs.Submission) { s.Owner = "bob" })
	later := time.Now().Add(time.Hour)
	b.submit(func(s *jobs.Submission) { s.Owner, s.ScheduledAt = "bob", &later })
	_, err := b.Pool().Exec(t.Context(), `UPDATE freshet.attempts SET since = since - interval '1 hour' WHERE task_id = $1`, waits)
	b.ok(err)
	for _, unit := range []string{"'starting', NULL, false", "'ended', now(), false", "'ended', now(), true", "'ended', now() - interval '2 hours', true"} {
		_, err = b.Pool().Exec(t.Context(), `INSERT INTO freshet.fleet_units (intent, pool, provider, generation, created_at, ordered_at, boot_until, state, ended_at, failed)
			VALUES ($1, 'idle', 'process', '', now(), now(), now(), `+unit+`)`, uuid.New())
		b.ok(err)
	}

	all, err := b.Stats(t.Context())
	b.ok(err)
	if len(all.Kinds) != 1 || all.Kinds[0].Kind != "work" || all.Kinds[0].Running != 1 || all.Kinds[0].Pending() != 3 ||
		all.Kinds[0].Waiting[jobs.WaitQueued] != 2 || all.Kinds[0].Waiting[jobs.WaitScheduled] != 1 {
		t.Errorf("kinds %+v", all.Kinds)
	}
	if len(all.Pools) != 2 {
		t.Fatalf("pools %+v", all.Pools)
	}
	busy, idle := all.Pools[0], all.Pools[1]
	if busy.Pool != "default" || busy.Queued != 2 || busy.Running != 1 || busy.Workers != 1 || busy.Slots == 0 ||
		busy.Oldest < time.Hour || busy.Oldest > 2*time.Hour {
		t.Errorf("busy pool %+v", busy)
	}
	if idle.Pool != "idle" || idle.Queued+idle.Running+idle.Workers != 0 || idle.Oldest != 0 || len(idle.Units) != 1 || idle.Units[jobs.UnitStarting] != 1 || idle.Done != 1 || idle.Failed != 1 {
		t.Errorf("idle pool %+v", idle)
	}

	bobs, err := b.OwnStats(t.Context(), "bob")
	b.ok(err)
	if bobs.Pools != nil || len(bobs.Kinds) != 1 || bobs.Kinds[0].Running != 0 || bobs.Kinds[0].Pending() != 2 {
		t.Errorf("bob's: %+v", bobs)
	}
}

// A claim brings the trace of the submit, and since when the attempt waited.
func TestClaimBringsTheTrace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	worker := b.worker("work")
	traced := b.claim(b.submit(func(s *jobs.Submission) { s.Trace = trace }), worker)
	if traced.Trace != trace || traced.QueuedAt.IsZero() || traced.StartedAt.Before(traced.QueuedAt) {
		t.Errorf("claim %+v", traced)
	}
	if untraced := b.claim(b.submit(), worker); untraced.Trace != "" {
		t.Errorf("a trace from nowhere: %q", untraced.Trace)
	}
}
