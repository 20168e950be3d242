package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// knower tells whether a living worker of an attempt's pool knows the attempt's kind.
const knower = `EXISTS (SELECT FROM freshet.workers w
	WHERE w.pool = a.pool AND w.died_at IS NULL AND w.lease_until > clock_timestamp() AND a.kind = ANY (w.kinds))`

// admitSQL gives River jobs to held attempts that are due and that nothing keeps any more. Tasks that
// someone else holds are left for the next time. One whose kind no worker knew is tried again where workers are
// started for it, but not too often: they may not know it either.
const admitSQL = `
WITH due AS MATERIALIZED (
	SELECT a.task_id FROM freshet.attempts a
	LEFT JOIN freshet.kinds k ON k.name = a.kind
	LEFT JOIN freshet.pools p ON p.name = a.pool
	WHERE a.state = 'held' AND NOT a.limited AND a.due_at <= clock_timestamp() AND k.paused_at IS NULL AND p.paused_at IS NULL AND NOT ` + blocked + ` AND NOT ` + inMaintenance + `
		AND (a.hold <> 'no_worker' OR ` + knower + ` OR p.managed AND a.since < clock_timestamp() - interval '5 minutes')
	ORDER BY a.due_at LIMIT $1
), task AS MATERIALIZED (
	SELECT t.id, t.attempt FROM freshet.tasks t JOIN due ON due.task_id = t.id
	ORDER BY t.id FOR UPDATE OF t SKIP LOCKED
), attempt AS MATERIALIZED (
	SELECT a.task_id, a.number FROM freshet.attempts a JOIN task ON a.task_id = task.id AND a.number = task.attempt
	WHERE a.state = 'held' AND NOT a.limited AND a.due_at <= clock_timestamp()
	ORDER BY a.task_id FOR UPDATE OF a
), queued AS (
	UPDATE freshet.attempts a SET state = 'queued', hold = NULL, due_at = NULL, since = clock_timestamp(),
		river_job_id = nextval('river.river_job_id_seq')
	FROM attempt WHERE a.task_id = attempt.task_id AND a.number = attempt.number
	RETURNING a.task_id, a.number, a.pool, a.river_priority, a.river_job_id
), job AS (
	` + insertRiverJobs + `queued
)
SELECT task_id, pool FROM queued`

// Admit queues held attempts of kinds without limits that are due and that no pause keeps, at most limit of them, and tells
// how many.
func (s *Store) Admit(ctx context.Context, limit int) (int, error) {
	rows, err := s.pool.Query(ctx, admitSQL, limit)
	if err != nil {
		return 0, fmt.Errorf("admit: %w", err)
	}
	admitted := 0
	var task uuid.UUID
	var pool string
	_, err = pgx.ForEachRow(rows, []any{&task, &pool}, func() error {
		admitted++
		s.notifier.task(task)
		s.notifier.queue(pool)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("admit: %w", err)
	}
	return admitted, nil
}

const expireSQL = `
WITH due AS MATERIALIZED (
	SELECT task_id FROM freshet.attempts
	WHERE state IN ('held', 'queued') AND expires_at <= clock_timestamp()
	ORDER BY expires_at LIMIT $1
), task AS MATERIALIZED (
	SELECT t.id, t.attempt, t.owner, t.key_active, t.idempotency_key
	FROM freshet.tasks t JOIN due ON due.task_id = t.id
	ORDER BY t.id FOR UPDATE OF t SKIP LOCKED
), attempt AS MATERIALIZED (
	SELECT a.task_id, a.number, a.river_job_id, clock_timestamp() AS now, json_build_object('code', 'expired',
		'message', 'The task did not start within the time that its kind may wait.',
		'retryable', false, 'attempt', a.number) AS failure
	FROM freshet.attempts a JOIN task ON a.task_id = task.id AND a.number = task.attempt
	WHERE a.state IN ('held', 'queued') AND a.expires_at <= clock_timestamp()
	ORDER BY a.task_id FOR UPDATE OF a
), ended AS (
	UPDATE freshet.attempts a SET state = 'ended', outcome = 'failed', failure = e.failure, ended_at = e.now
	FROM attempt e WHERE a.task_id = e.task_id AND a.number = e.number
), moved AS (
	UPDATE freshet.tasks t SET seq = t.seq + 1, state = 'failed', failure = e.failure, ended_at = e.now
	FROM attempt e WHERE t.id = e.task_id
	RETURNING t.id, t.seq, ` + toldTask + `
), told AS (
	SELECT e.task_id, m.seq, e.number AS attempt, e.now AS at, 'task.failed' AS type, NULL::json AS data, NULL::text AS output, m.task
	FROM attempt e JOIN moved m ON m.id = e.task_id
), ` + tellSQL + `, gone AS (
	DELETE FROM river.river_job j USING attempt e WHERE j.id = e.river_job_id
), freed AS (
	DELETE FROM freshet.idempotency_keys k USING task t, attempt e
	WHERE e.task_id = t.id AND t.key_active AND k.owner = t.owner AND k.key = t.idempotency_key AND k.task_id = t.id
)
SELECT task_id, ` + someTold + ` FROM attempt`

// Expire fails tasks that did not start in the time their kind may wait, at most limit of them, and
// tells how many.
func (s *Store) Expire(ctx context.Context, limit int) (int, error) {
	rows, err := s.pool.Query(ctx, expireSQL, limit)
	if err != nil {
		return 0, fmt.Errorf("expire: %w", err)
	}
	expired := 0
	var task uuid.UUID
	var told bool
	_, err = pgx.ForEachRow(rows, []any{&task, &told}, func() error {
		expired++
		s.notifier.task(task)
		if told {
			s.notifier.delivery()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("expire: %w", err)
	}
	return expired, nil
}

// NextDue is how long it is until something is to be admitted or expired: zero or less when it is
// due now, false when nothing waits for a time. Attempts that are held for another reason do not count.
func (s *Store) NextDue(ctx context.Context) (time.Duration, bool, error) {
	var micros int64
	err := s.pool.QueryRow(ctx, `
		SELECT (extract(epoch FROM due - clock_timestamp()) * 1000000)::bigint FROM (
			(SELECT due_at AS due FROM freshet.attempts WHERE state = 'held' AND due_at > clock_timestamp() ORDER BY due_at LIMIT 1)
			UNION ALL
			(SELECT expires_at FROM freshet.attempts
				WHERE state IN ('held', 'queued') AND expires_at IS NOT NULL ORDER BY expires_at LIMIT 1)
			UNION ALL
			(SELECT min(held_until) FROM freshet.credentials WHERE held_until > clock_timestamp())
		) AS next WHERE due IS NOT NULL ORDER BY due LIMIT 1`).Scan(&micros)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("next due time: %w", err)
	}
	return time.Duration(micros) * time.Microsecond, true, nil
}
