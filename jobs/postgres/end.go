package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// endingSQL carries out what the CTE mine has decided of attempts under their locks: the verdict, and
// whether another attempt follows, with a River job of its own when that is due at once. The River job
// of the ended one goes in the same statement.
const endingSQL = `ended AS (
	UPDATE freshet.attempts a SET state = 'ended', outcome = m.verdict, ended_at = m.now,
		failure = CASE WHEN m.verdict NOT IN ('completed', 'cancelled') THEN m.failure::json END,
		exit_code = m.exit_code, signal = m.signal, usage = m.usage::json
	FROM mine m WHERE a.task_id = m.task_id AND a.number = m.number
), next AS MATERIALIZED (
	SELECT m.task_id, m.number + 1 AS number, m.owner, m.kind, m.pool, m.run, m.now,
		m.now + m.delay_ms * interval '1 millisecond' AS due_at, m.delay_ms = 0 AS queued,
		CASE WHEN m.costs_try THEN CASE m.priority WHEN 'high' THEN 2 WHEN 'normal' THEN 3 ELSE 4 END ELSE 1 END AS river_priority,
		CASE WHEN m.delay_ms = 0 THEN nextval('river.river_job_id_seq') END AS river_job_id, m.limited
	FROM mine m WHERE m.follows
), moved AS (
	UPDATE freshet.tasks t SET seq = t.seq + 1,
		state = CASE WHEN m.follows THEN 'pending' ELSE m.verdict END,
		attempt = t.attempt + m.follows::int,
		tries = t.tries + CASE WHEN m.follows THEN m.costs_try ELSE m.verdict IN ('completed', 'failed') END::int,
		progress = CASE WHEN m.verdict = 'completed' THEN 100 ELSE t.progress END,
		failure = CASE WHEN m.verdict = 'failed' AND NOT m.follows THEN m.failure::json END,
		usage = coalesce(m.usage::json, t.usage),
		ended_at = CASE WHEN NOT m.follows THEN m.now END,
		output_bytes = CASE WHEN m.verdict = 'completed' THEN coalesce(octet_length(m.output), 0) ELSE t.output_bytes END
	FROM mine m WHERE t.id = m.task_id
	RETURNING t.id, t.seq, ` + toldTask + `
), payload AS (
	UPDATE freshet.task_payloads p SET output = m.output::json
	FROM mine m WHERE p.task_id = m.task_id AND m.verdict = 'completed' AND m.output IS NOT NULL
), told AS (
	SELECT m.task_id, moved.seq, m.number AS attempt, m.now AS at,
		CASE WHEN NOT m.follows THEN 'task.' || m.verdict
			WHEN m.verdict = 'failed' THEN 'task.retrying' ELSE 'task.interrupted' END AS type,
		CASE WHEN m.follows THEN json_build_object('error', m.failure::json, 'nextAttempt', m.number + 1,
			'dueAt', m.now + m.delay_ms * interval '1 millisecond') END AS data,
		CASE WHEN m.verdict = 'completed' THEN m.output END AS output, moved.task
	FROM mine m JOIN moved ON moved.id = m.task_id
), ` + tellSQL + `, follower AS (
	INSERT INTO freshet.attempts (task_id, number, run, state, owner, kind, pool, river_priority, limited, hold, due_at, river_job_id, since)
	SELECT task_id, number, run, CASE WHEN queued THEN 'queued' ELSE 'held' END, owner, kind, pool, river_priority, limited,
		CASE WHEN NOT queued THEN 'backoff' END, CASE WHEN NOT queued THEN due_at END, river_job_id, now
	FROM next
), due AS (
	SELECT * FROM next WHERE queued
), job AS (
	` + insertRiverJobs + `due
), gone AS (
	DELETE FROM river.river_job j USING mine m WHERE j.id = m.river_job_id
), freed AS (
	DELETE FROM freshet.idempotency_keys k USING mine m
	WHERE NOT m.follows AND m.key_active AND k.owner = m.owner AND k.key = m.idempotency_key AND k.task_id = m.task_id
)`

// endSQL ends attempts and decides what follows. A cancel that was requested makes every outcome but
// completed a cancel, and never a retry. The River job goes in the same statement, and the next
// attempt, if there is one, comes: with a River job of its own when it is due at once.
const endSQL = `
WITH input AS MATERIALIZED (
	SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[],
		$8::int[], $9::text[], $10::text[], $11::bigint[], $12::bool[])
		WITH ORDINALITY AS i(task_id, number, worker_id, river_job_id, outcome, failure, output,
			exit_code, signal, usage, delay_ms, costs_try, ending)
), task AS MATERIALIZED (
	SELECT t.owner, t.kind, t.pool, t.priority, t.run, t.key_active, t.idempotency_key, i.*
	FROM freshet.tasks t JOIN input i ON t.id = i.task_id
	ORDER BY t.id FOR UPDATE OF t
), attempt AS MATERIALIZED (
	SELECT task.*, a.state, a.outcome AS recorded, a.worker_id AS recorded_by, a.cancel_requested_at, a.limited, ` + fenced + ` AS held
	FROM freshet.attempts a JOIN task ON a.task_id = task.task_id AND a.number = task.number
	ORDER BY a.task_id FOR UPDATE OF a
), mine AS MATERIALIZED (
	SELECT *, clock_timestamp() AS now,
		CASE WHEN outcome = 'completed' OR cancel_requested_at IS NULL THEN outcome ELSE 'cancelled' END AS verdict,
		outcome <> 'completed' AND cancel_requested_at IS NULL AND delay_ms IS NOT NULL AS follows
	FROM attempt WHERE held
), ` + endingSQL + `
SELECT a.ending, a.pool, m.task_id IS NOT NULL, coalesce(m.follows, false), coalesce(m.follows AND m.delay_ms = 0, false),
	a.limited,
	a.state = 'ended' AND a.recorded_by = a.worker_id
		AND (a.recorded = a.outcome OR a.recorded = 'cancelled' AND a.outcome <> 'completed'),
	` + someTold + `
FROM attempt a LEFT JOIN mine m ON m.ending = a.ending`

type endAnswer struct {
	recorded bool // now or before
}

// Ending is final for this attempt: End records how it ended and what follows, and is a success when
// the same worker has recorded the same before. Errors: jobs.ErrFenced, when the attempt is not, or
// no longer, this worker's.
func (s *Store) End(ctx context.Context, ending jobs.Ending) error {
	answer, err := s.ends.Do(ctx, ending)
	if err == nil && !answer.recorded {
		err = jobs.ErrFenced
	}
	if err != nil {
		return fmt.Errorf("end attempt %d of task %s: %w", ending.Attempt, ending.TaskID, err)
	}
	return nil
}

func (s *Store) endBatch(ctx context.Context, endings []jobs.Ending) ([]endAnswer, error) {
	arguments, err := endArguments(endings)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, endSQL, arguments...)
	if err != nil {
		return nil, err
	}
	answers := make([]endAnswer, len(endings))
	var at int
	var pool string
	var applied, follows, queued, limited, before, told bool
	_, err = pgx.ForEachRow(rows, []any{&at, &pool, &applied, &follows, &queued, &limited, &before, &told}, func() error {
		answers[at-1].recorded = applied || before
		if applied {
			s.notifier.task(endings[at-1].TaskID)
		}
		if told {
			s.notifier.delivery()
		}
		switch {
		case queued:
			s.notifier.queue(pool)
		case follows, applied && limited: // what is held may be admitted
			s.notifier.control()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

func endArguments(endings []jobs.Ending) ([]any, error) {
	type ending = jobs.Ending
	failures, usages := make([]*string, len(endings)), make([]*string, len(endings))
	for i, e := range endings {
		var err error
		if failures[i], err = asJSON(e.Failure); err != nil {
			return nil, err
		}
		if usages[i], err = asJSON(e.Usage); err != nil {
			return nil, err
		}
	}
	return []any{
		column(endings, func(e ending) uuid.UUID { return e.TaskID }),
		column(endings, func(e ending) int { return e.Attempt }),
		column(endings, func(e ending) uuid.UUID { return e.WorkerID }),
		column(endings, func(e ending) int64 { return e.RiverJob }),
		column(endings, func(e ending) string { return string(e.Outcome) }),
		failures,
		column(endings, func(e ending) *string { return nullJSON(e.Output) }),
		column(endings, func(e ending) *int { return e.ExitCode }),
		column(endings, func(e ending) *string { return nullText(e.Signal) }),
		usages,
		column(endings, delayMillis),
		column(endings, func(e ending) bool { return e.Next != nil && e.Next.CostsTry }),
	}, nil
}

// delayMillis is null when nothing follows.
func delayMillis(e jobs.Ending) *int64 {
	if e.Next == nil {
		return nil
	}
	millis := max(e.Next.Delay, 0).Round(time.Millisecond).Milliseconds()
	return &millis
}
