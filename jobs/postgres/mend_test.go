package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
	"freshet/jobs/postgres"
)

// acts are what somebody can do to the River job of an attempt, through River UI or in SQL: $1 is its id. Those
// of the second sort leave nothing in River's table that says where to look.
func acts() (ended, estranged map[string]string) {
	return map[string]string{
			"cancelled":             `state = 'cancelled', finalized_at = now()`,
			"discarded":             `state = 'discarded', finalized_at = now()`,
			"completed":             `state = 'completed', finalized_at = now()`,
			"scheduled":             `state = 'scheduled', scheduled_at = now() + interval '1 day'`,
			"retryable":             `state = 'retryable', scheduled_at = now() + interval '1 day'`,
			"pending":               `state = 'pending'`,
			"running for nobody":    `state = 'running', attempted_at = now()`,
			"running for a ghost":   `state = 'running', attempted_at = now(), attempted_by = '{ghost}'`,
			"other args, and ended": `args = '{"taskId": "------------------------------------", "attempt": "x"}', state = 'discarded', finalized_at = now()`,
			"args of no object":     `args = '5', state = 'cancelled', finalized_at = now()`,
		}, map[string]string{
			"deleted":                         ``,
			"moved to another queue":          `queue = 'pool_other'`,
			"put off":                         `scheduled_at = now() + interval '1 day'`,
			"running for one that has it not": `state = 'running', attempted_at = now() - interval '2 minutes', attempted_by = ARRAY[(SELECT id::text FROM freshet.workers LIMIT 1)]`,
		}
}

// act does it. A deletion is written as nothing to be set.
func (b *bench) act(set string, job int64) {
	b.t.Helper()
	statement := `UPDATE river.river_job SET ` + set + ` WHERE id = $1`
	if set == "" {
		statement = `DELETE FROM river.river_job WHERE id = $1`
	}
	tag, err := b.Pool().Exec(b.t.Context(), statement, job)
	b.ok(err)
	if tag.RowsAffected() != 1 {
		b.t.Fatalf("there is no River job %d to be changed", job)
	}
}

func TestHandmadeActsAreHealed(t *testing.T) {
	t.Parallel()
	ended, estranged := acts()
	for _, sort := range []struct {
		acts map[string]string
		heal func(*bench) func(context.Context, int) (int, error)
	}{
		{ended, func(b *bench) func(context.Context, int) (int, error) { return b.Requeue }},
		{ended, func(b *bench) func(context.Context, int) (int, error) { return b.Mend }},
		{estranged, func(b *bench) func(context.Context, int) (int, error) { return b.Mend }},
	} {
		b := newBench(t)
		heal, worker := sort.heal(b), b.worker("work")
		for act, set := range sort.acts {
			id, other := b.submit(), b.submit()
			before, _ := b.candidate(id)
			b.act(set, before.RiverJob)
			if healed, err := heal(t.Context(), 100); err != nil || healed != 1 {
				t.Fatalf("%s: put %d attempts back, want 1: %v", act, healed, err)
			}
			if healed, err := heal(t.Context(), 100); err != nil || healed != 0 {
				t.Fatalf("%s: put %d attempts back again: %v", act, healed, err)
			}
			if _, refusal, err := b.Claim(t.Context(), worker, before); err != nil || refusal != jobs.ClaimStale {
				t.Errorf("%s: a claim under the old River job: %q, %v", act, refusal, err)
			}
			b.ok(b.End(t.Context(), completed(b.claim(id, worker), `{}`)))
			b.ok(b.End(t.Context(), completed(b.claim(other, worker), `{}`)))
			if task := b.task(id); task.State != jobs.Completed || task.Attempt != 1 || task.Seq != 3 {
				t.Errorf("%s: %+v", act, task)
			}
		}
		b.dense(t.Context())
	}
}

// What is well is left alone: queued, fetched by a worker that lives, of another priority, or running.
func TestMendLeavesAloneWhatIsWell(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	queued, fetched, first, running := b.submit(), b.submit(), b.submit(), b.submit()
	claim := b.claim(running, worker)
	b.act("", claim.RiverJob) // it runs: its River job is of no use any more
	for id, set := range map[uuid.UUID]string{
		queued:  `metadata = '{"output": 1}', tags = '{a}'`,
		fetched: `state = 'running', attempted_at = now(), attempted_by = ARRAY['` + worker.String() + `']`,
		first:   `priority = 4`,
	} {
		candidate, _ := b.candidate(id)
		b.act(set, candidate.RiverJob)
	}
	for _, heal := range []func(context.Context, int) (int, error){b.Requeue, b.Mend} {
		if healed, err := heal(t.Context(), 100); err != nil || healed != 0 {
			t.Errorf("%d attempts were put back: %v", healed, err)
		}
	}
	b.ok(b.End(t.Context(), completed(claim, `{}`)))
	for _, id := range []uuid.UUID{queued, fetched, first} {
		b.ok(b.End(t.Context(), completed(b.claim(id, worker), `{}`)))
	}
	b.dense(t.Context())
}

// Rows that somebody makes stand for no attempt; they are neither claimed nor in the way.
func TestForgedRiverJobs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	id := b.submit()
	genuine, _ := b.candidate(id)
	forged := genuine
	b.ok(b.Pool().QueryRow(t.Context(), `INSERT INTO river.river_job (kind, queue, max_attempts, args)
		SELECT kind, queue, max_attempts, args FROM river.river_job WHERE id = $1 RETURNING id`, genuine.RiverJob).Scan(&forged.RiverJob))
	if _, refusal, err := b.Claim(t.Context(), worker, forged); err != nil || refusal != jobs.ClaimStale {
		t.Errorf("a claim under a copy: %q, %v", refusal, err)
	}
	_, err := b.Pool().Exec(t.Context(), `INSERT INTO river.river_job (kind, queue, max_attempts, args, state, finalized_at)
		VALUES ('freshet_attempt', 'pool_default', 1, '{"taskId": "'' OR 1=1"}', 'cancelled', now())`)
	b.ok(err)
	for _, heal := range []func(context.Context, int) (int, error){b.Requeue, b.Mend} {
		if healed, err := heal(t.Context(), 100); err != nil || healed != 0 {
			t.Errorf("%d attempts were put back: %v", healed, err)
		}
	}
	b.ok(b.End(t.Context(), completed(b.claim(id, worker), `{}`)))
}

// A worker that fetches what was moved to its queue is of another pool, with other settings and secrets.
func TestWorkerOfAnotherPoolClaimsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stranger := uuid.New()
	b.ok(b.RegisterWorker(t.Context(), jobs.Worker{ID: stranger, Pool: "other", Host: "there", PID: 1, Slots: 4, Kinds: []string{"work"}, Version: "test", Lease: lease}))
	id := b.submit()
	moved, _ := b.candidate(id)
	b.act(`queue = 'pool_other'`, moved.RiverJob)
	if _, refusal, err := b.Claim(t.Context(), stranger, moved); err != nil || refusal != jobs.ClaimStale {
		t.Fatalf("the claim of another pool's worker: %q, %v", refusal, err)
	}
	if healed, err := b.Mend(t.Context(), 100); err != nil || healed != 1 {
		t.Fatalf("put %d attempts back, want 1: %v", healed, err)
	}
	b.claim(id, b.worker("work"))
}

func TestResumeQueues(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.Pool().Exec(t.Context(), `INSERT INTO river.river_queue (name, updated_at, paused_at)
		VALUES ('pool_default', now(), now()), ('pool_b', now(), NULL), ('of-another-app', now(), now())`)
	b.ok(err)
	for _, want := range []string{"pool_default", ""} {
		names, err := b.ResumeQueues(t.Context())
		if b.ok(err); strings.Join(names, " ") != want {
			t.Errorf("resumed %v, want %q", names, want)
		}
	}
	var paused string
	b.ok(b.Pool().QueryRow(t.Context(), `SELECT string_agg(name, ' ') FROM river.river_queue WHERE paused_at IS NOT NULL`).Scan(&paused))
	if paused != "of-another-app" {
		t.Errorf("paused are %s", paused)
	}
}

// TestMendReadsNoEndedAttempts looks at how 10,000 queued attempts among 50,000 ended ones are looked at.
func TestMendReadsNoEndedAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, statement := range []string{
		`INSERT INTO freshet.attempts (task_id, number, run, state, owner, kind, pool, river_priority, river_job_id, since)
			SELECT gen_random_uuid(), 1, 1, CASE WHEN i <= 10000 THEN 'queued' ELSE 'ended' END, 'ada', 'work', 'default', 3, i, now()
			FROM generate_series(1, 60000) i`,
		`INSERT INTO river.river_job (id, kind, queue, priority, max_attempts, args)
			SELECT river_job_id, 'freshet_attempt', 'pool_default', 3, 1, jsonb_build_object('taskId', task_id, 'attempt', 1)
			FROM freshet.attempts WHERE state = 'queued'`,
		`ANALYZE freshet.attempts, river.river_job`,
	} {
		_, err := b.Pool().Exec(t.Context(), statement)
		b.ok(err)
	}
	for name, statement := range map[string]string{"Requeue": postgres.RequeueSQL(), "Mend": postgres.MendSQL()} {
		rows, err := b.Pool().Query(t.Context(), `EXPLAIN `+statement, 100)
		b.ok(err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		b.ok(err)
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, "attempts_queued") || strings.Contains(plan, "Seq Scan on attempts") {
			t.Errorf("%s reads more than what is queued:\n%s", name, plan)
		}
		if strings.Contains(plan, "SubPlan") {
			t.Errorf("%s looks at one attempt at a time:\n%s", name, plan)
		}
	}
}
