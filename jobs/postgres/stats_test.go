package postgres_test

import (
	"context"
	"sync"
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
	for _, unit := range []string{"'starting', NULL, NULL, NULL", "'ended', now(), now(), 'left'", "'ended', NULL, now(), 'late'", "'ended', NULL, now() - interval '2 hours', 'late'"} {
		_, err = b.Pool().Exec(t.Context(), `INSERT INTO freshet.fleet_units (intent, pool, provider, generation, created_at, ordered_at, boot_until, state, seen_at, ended_at, outcome)
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
	if idle.Pool != "idle" || idle.Queued+idle.Running+idle.Workers != 0 || idle.Oldest != 0 || len(idle.Units) != 1 || idle.Units[jobs.UnitStarting] != 1 ||
		idle.Started != 1 || idle.Ended[jobs.UnitLeft] != 1 || idle.Ended[jobs.UnitLate] != 2 {
		t.Errorf("idle pool %+v", idle)
	}

	bobs, err := b.OwnStats(t.Context(), "bob")
	b.ok(err)
	if bobs.Pools != nil || len(bobs.Kinds) != 1 || bobs.Kinds[0].Running != 0 || bobs.Kinds[0].Pending() != 2 {
		t.Errorf("bob's: %+v", bobs)
	}
}

// TestUnitsAreCountedOnce while they end, are counted by several replicas, are forgotten, and are read.
func TestUnitsAreCountedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 1, Fleet: &jobs.PoolFleet{Max: 1000, Generation: "1"}}}))
	for range 50 {
		b.submit()
	}
	orders := b.provision(bootTime).Orders
	if len(orders) != 50 {
		t.Fatalf("%d orders, want 50", len(orders))
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	defer stop()
	var replicas sync.WaitGroup
	for range 3 {
		replicas.Go(func() {
			for ctx.Err() == nil {
				if err := b.ForgetUnits(context.WithoutCancel(ctx), 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	outcomes := jobs.UnitOutcomes()
	for i, order := range orders {
		outcome := outcomes[i%len(outcomes)]
		if outcome == jobs.UnitLeft {
			b.ok(b.RemoveWorker(t.Context(), b.unitWorker(order.Intent.String(), "1")))
		} else {
			b.ok(b.UnitEnded(t.Context(), order.Intent, outcome, "for the test"))
		}
		if pool := b.pool(); pool.Started != i/len(outcomes)+1 || total(pool.Ended) != i+1 {
			t.Fatalf("after %d: %d started, ended %v", i+1, pool.Started, pool.Ended)
		}
	}
	stop()
	replicas.Wait()
	b.ok(b.ForgetUnits(t.Context(), 0))
	pool, left := b.pool(), 0
	for _, outcome := range outcomes {
		if pool.Ended[outcome] != len(orders)/len(outcomes) {
			t.Errorf("%d units %s, want %d", pool.Ended[outcome], outcome, len(orders)/len(outcomes))
		}
	}
	if b.scan(&left, `SELECT count(*) FROM freshet.fleet_units`); left != 0 {
		t.Errorf("%d units are remembered", left)
	}
}

// pool is what is counted of the bench's pool.
func (b *bench) pool() jobs.PoolStats {
	b.t.Helper()
	stats, err := b.Stats(b.t.Context())
	b.ok(err)
	return stats.Pools[0]
}

func total(ended map[jobs.UnitOutcome]int) (n int) {
	for _, of := range ended {
		n += of
	}
	return n
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
