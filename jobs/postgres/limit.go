package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// limitedSQL admits attempts of kinds of which only so many run at once, under a lock, so that its counts
// are true. It finds out, by skipping through the index, which owners wait, and takes the first ones of
// each, by priority and age. Whose turn it is: the owner of whom the fewest are active, and of several the
// one who waited longest since the last turn. What is admitted starts at once: no more than the pool has
// slots for, or could have, since what waits in River's queue waits in the order in which it came there.
const limitedSQL = `
WITH RECURSIVE kind AS MATERIALIZED (
	SELECT name, max_total, max_per_owner FROM freshet.kinds k
	WHERE (max_total IS NOT NULL OR max_per_owner IS NOT NULL) AND paused_at IS NULL
		AND NOT ` + blocked + ` AND NOT ` + inMaintenance + `
), active AS MATERIALIZED (
	SELECT kind, owner, pool, count(*) AS count FROM freshet.attempts WHERE limited AND state IN ('queued', 'running')
	GROUP BY kind, owner, pool
), pool AS MATERIALIZED (
	SELECT p.name, p.managed, greatest(p.slots * p.max_units, coalesce((SELECT sum(w.slots) FROM freshet.workers w
			WHERE w.pool = p.name AND w.died_at IS NULL AND w.lease_until > clock_timestamp()), p.slots))
		- coalesce((SELECT sum(count) FROM active WHERE active.pool = p.name), 0) AS free
	FROM freshet.pools p WHERE p.paused_at IS NULL
), waiting AS (
	(SELECT kind, owner FROM freshet.attempts WHERE limited AND state = 'held' ORDER BY kind, owner LIMIT 1)
	UNION ALL
	SELECT next.kind, next.owner FROM waiting CROSS JOIN LATERAL (
		SELECT a.kind, a.owner FROM freshet.attempts a
		WHERE a.limited AND a.state = 'held' AND (a.kind, a.owner) > (waiting.kind, waiting.owner)
		ORDER BY a.kind, a.owner LIMIT 1
	) next
), candidate AS MATERIALIZED (
	SELECT c.*, w.kind, w.owner, k.max_total, t.at AS turn_at,
		busy.count + row_number() OVER (PARTITION BY w.kind, w.owner ORDER BY c.river_priority, c.task_id) AS turn
	FROM waiting w
	JOIN kind k ON k.name = w.kind
	LEFT JOIN freshet.turns t ON t.kind = w.kind AND t.owner = w.owner
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(active.count), 0) AS count FROM active WHERE active.kind = w.kind AND active.owner = w.owner
	) busy
	CROSS JOIN LATERAL (
		SELECT a.task_id, a.number, a.pool, a.river_priority FROM freshet.attempts a JOIN pool ON pool.name = a.pool
		WHERE a.limited AND a.state = 'held' AND a.kind = w.kind AND a.owner = w.owner AND a.due_at <= clock_timestamp()
			AND (a.hold <> 'no_worker' OR ` + knower + ` OR pool.managed AND a.since < clock_timestamp() - interval '5 minutes')
		ORDER BY a.river_priority, a.task_id
		LIMIT least($1, CASE WHEN k.max_per_owner IS NOT NULL THEN greatest(0, k.max_per_owner - busy.count) END,
			greatest(0, (SELECT max(free) FROM pool)))
	) c
), placed AS (
	SELECT candidate.*, row_number() OVER (PARTITION BY kind ORDER BY turn, turn_at NULLS FIRST, task_id)
		+ coalesce((SELECT sum(active.count) FROM active WHERE active.kind = candidate.kind), 0) AS place
	FROM candidate
), chosen AS MATERIALIZED (
	SELECT task_id, number FROM (
		SELECT placed.*, row_number() OVER (PARTITION BY pool ORDER BY turn, turn_at NULLS FIRST, task_id) AS slot
		FROM placed WHERE place <= coalesce(max_total, place)
	) c JOIN pool ON pool.name = c.pool AND c.slot <= pool.free
	ORDER BY turn LIMIT $1
), task AS MATERIALIZED (
	SELECT t.id, t.attempt FROM freshet.tasks t JOIN chosen ON chosen.task_id = t.id AND chosen.number = t.attempt
	ORDER BY t.id FOR UPDATE OF t SKIP LOCKED
), attempt AS MATERIALIZED (
	SELECT a.task_id, a.number FROM freshet.attempts a JOIN task ON a.task_id = task.id AND a.number = task.attempt
	WHERE a.state = 'held' AND a.due_at <= clock_timestamp()
	ORDER BY a.task_id FOR UPDATE OF a
), queued AS (
	UPDATE freshet.attempts a SET state = 'queued', hold = NULL, due_at = NULL, since = clock_timestamp(),
		river_job_id = nextval('river.river_job_id_seq')
	FROM attempt WHERE a.task_id = attempt.task_id AND a.number = attempt.number
	RETURNING a.task_id, a.number, a.kind, a.owner, a.pool, a.river_priority, a.river_job_id
), turned AS (
	INSERT INTO freshet.turns (kind, owner, at) SELECT kind, owner, max(clock_timestamp()) FROM queued GROUP BY kind, owner
	ON CONFLICT (kind, owner) DO UPDATE SET at = excluded.at
), job AS (
	` + insertRiverJobs + `queued
)
SELECT task_id, pool FROM queued`

// AdmitLimited queues held attempts of kinds that have limits, as many as may run now, at most limit of
// them, and tells how many.
func (s *Store) AdmitLimited(ctx context.Context, limit int) (int, error) {
	batch := &pgx.Batch{} // one transaction and one round trip
	batch.Queue(`SELECT pg_advisory_xact_lock(hashtextextended('freshet admission', 0))`)
	admitted := 0
	batch.Queue(limitedSQL, limit).Query(func(rows pgx.Rows) error {
		var task uuid.UUID
		var pool string
		_, err := pgx.ForEachRow(rows, []any{&task, &pool}, func() error {
			admitted++
			s.notifier.task(task)
			s.notifier.queue(pool)
			return nil
		})
		return err
	})
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return 0, fmt.Errorf("admit limited: %w", err)
	}
	return admitted, nil
}

// ForgetTurns removes what is known of owners who had no turn for so long.
func (s *Store) ForgetTurns(ctx context.Context, age time.Duration) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM freshet.turns WHERE at < clock_timestamp() - $1::bigint * interval '1 millisecond'`, age.Milliseconds())
	if err != nil {
		return fmt.Errorf("forget turns: %w", err)
	}
	return nil
}
