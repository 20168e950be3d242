package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"freshet/jobs"
)

// retrySQL begins a new run of a task that has ended, under another revision of its kind.
const retrySQL = `
WITH task AS MATERIALIZED (
	SELECT id, state, attempt, run, owner, kind, priority, clock_timestamp() AS now
	FROM freshet.tasks WHERE id = $1 FOR UPDATE
), next AS MATERIALIZED (
	SELECT id AS task_id, attempt + 1 AS number, run + 1 AS run, owner, kind, $3::text AS pool, now,
		CASE priority WHEN 'high' THEN 2 WHEN 'normal' THEN 3 ELSE 4 END AS river_priority,
		nextval('river.river_job_id_seq') AS river_job_id,
		EXISTS (SELECT FROM freshet.kinds k WHERE k.name = kind AND coalesce(k.max_total, k.max_per_owner) IS NOT NULL) AS limited
	FROM task WHERE state IN ('completed', 'failed', 'cancelled')
), moved AS (
	UPDATE freshet.tasks t SET seq = t.seq + 1, state = 'pending', run = n.run, attempt = n.number, tries = 0,
		kind_hash = $2, pool = n.pool, max_tries = $4, progress = 0, message = NULL, failure = NULL, usage = NULL,
		scheduled_at = NULL, started_at = NULL, ended_at = NULL, cancel_requested_at = NULL, output_bytes = 0
	FROM next n WHERE t.id = n.task_id
	RETURNING t.id, t.seq, ` + toldTask + `
), payload AS (
	UPDATE freshet.task_payloads p SET output = NULL FROM next n WHERE p.task_id = n.task_id
), attempt AS (
	INSERT INTO freshet.attempts (task_id, number, run, state, owner, kind, pool, river_priority, limited, hold, due_at,
		expires_at, river_job_id, since)
	SELECT task_id, number, run, CASE WHEN limited THEN 'held' ELSE 'queued' END, owner, kind, pool, river_priority, limited,
		CASE WHEN limited THEN 'kind_limit' END, CASE WHEN limited THEN now END,
		now + $5::bigint * interval '1 millisecond', CASE WHEN NOT limited THEN river_job_id END, now FROM next
), queued AS (
	SELECT * FROM next WHERE NOT limited
), job AS (
	` + insertRiverJobs + `queued
), told AS (
	SELECT n.task_id, m.seq, n.number AS attempt, n.now AS at, 'task.retrying' AS type,
		json_build_object('manual', true, 'run', n.run, 'nextAttempt', n.number) AS data, NULL::text AS output, m.task
	FROM next n JOIN moved m ON m.id = n.task_id
), ` + tellSQL + `
SELECT EXISTS (SELECT FROM next), ` + someTold + ` FROM task`

// Retry begins a new run of a task that has ended, under the given revision of its kind, of which it
// takes the pool, the tries and the time to live in the queue. Errors: jobs.ErrNotFound,
// jobs.ErrNotEnded.
func (s *Store) Retry(ctx context.Context, id uuid.UUID, kind jobs.Kind, hash string) error {
	var retried, told bool
	err := s.pool.QueryRow(ctx, retrySQL, id, hash, kind.Pool, kind.Retry.MaxAttempts, nullMillis(kind.QueueTTL)).Scan(&retried, &told)
	if err = noRows(err); err == nil && !retried {
		err = jobs.ErrNotEnded
	}
	if err != nil {
		return fmt.Errorf("retry task %s: %w", id, err)
	}
	s.notifier.task(id)
	if told {
		s.notifier.delivery()
	}
	s.notifier.queue(kind.Pool)
	s.notifier.control()
	return nil
}
