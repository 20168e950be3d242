package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// riverControlChannel is the channel on which River's clients listen for pauses.
const riverControlChannel = RiverSchema + ".river_control"

// unclaimedSQL are queued attempts whose River job is in no state in which a worker would fetch it, or was
// fetched by a worker that died before it claimed; also when that one woke up, was refused the claim, and had
// River end the job. Few River jobs are in these states, however many attempts are queued.
const unclaimedSQL = `
	SELECT a.task_id, a.river_job_id FROM river.river_job j
	JOIN freshet.attempts a ON a.river_job_id = j.id
	LEFT JOIN freshet.workers w ON w.id::text = j.attempted_by[cardinality(j.attempted_by)] AND w.died_at IS NULL
	WHERE j.state IN ('running', 'completed', 'cancelled', 'discarded', 'scheduled', 'retryable', 'pending')
		AND a.state = 'queued' AND (j.state <> 'running' OR w.id IS NULL)
	LIMIT $1`

// estrangedSQL are queued attempts that no worker of their pool will ever claim, whatever was done to their
// River jobs. It looks at all that are queued, and at their River jobs, in the order of one index each.
const estrangedSQL = `
	SELECT a.task_id, a.river_job_id FROM freshet.attempts a
	WHERE a.state = 'queued' AND NOT EXISTS (SELECT FROM river.river_job j
		WHERE j.id = a.river_job_id AND j.queue = 'pool_' || a.pool AND CASE j.state
			WHEN 'available' THEN j.scheduled_at <= now() + interval '1 second'
			WHEN 'running' THEN j.attempted_at > now() - interval '1 minute' -- a claim does not take so long
				AND j.attempted_by[cardinality(j.attempted_by)] = ANY (ARRAY(SELECT id::text FROM freshet.workers WHERE died_at IS NULL))
			ELSE false END)
	LIMIT $1`

// requeueSQL gives new River jobs to the attempts that a query finds. They are looked at again under their
// locks. Whoever has fetched the old job meanwhile is refused the claim.
func requeueSQL(stray string) string {
	return `
WITH stray AS MATERIALIZED (` + stray + `
), task AS MATERIALIZED (
	SELECT t.id, t.attempt, stray.river_job_id FROM freshet.tasks t JOIN stray ON stray.task_id = t.id
	ORDER BY t.id FOR UPDATE OF t SKIP LOCKED
), attempt AS MATERIALIZED (
	SELECT a.task_id, a.number, a.river_job_id FROM freshet.attempts a
	JOIN task ON a.task_id = task.id AND a.number = task.attempt AND a.river_job_id = task.river_job_id
	WHERE a.state = 'queued'
	ORDER BY a.task_id FOR UPDATE OF a
), gone AS (
	DELETE FROM river.river_job j USING attempt a WHERE j.id = a.river_job_id
), queued AS (
	UPDATE freshet.attempts a SET river_job_id = nextval('river.river_job_id_seq'), river_priority = 1
	FROM attempt WHERE a.task_id = attempt.task_id AND a.number = attempt.number
	RETURNING a.task_id, a.number, a.pool, a.river_priority, a.river_job_id
), job AS (
	` + insertRiverJobs + `queued
)
SELECT pool FROM queued`
}

// Requeue puts attempts back that a worker fetched and did not live to claim, and those whose River job was
// ended or put off, at most limit of them, and tells how many. They go to the front: they were in the queue
// before.
func (s *Store) Requeue(ctx context.Context, limit int) (int, error) {
	return s.requeue(ctx, unclaimedSQL, limit)
}

// Mend puts attempts back whose River job somebody has deleted, moved to another queue, put off or taken for
// a worker that does not claim it, at most limit of them, and tells how many. Unlike Requeue it looks at each
// queued attempt.
func (s *Store) Mend(ctx context.Context, limit int) (int, error) {
	return s.requeue(ctx, estrangedSQL, limit)
}

func (s *Store) requeue(ctx context.Context, stray string, limit int) (int, error) {
	rows, err := s.pool.Query(ctx, requeueSQL(stray), limit)
	if err != nil {
		return 0, fmt.Errorf("requeue: %w", err)
	}
	pools, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("requeue: %w", err)
	}
	for _, pool := range pools {
		s.notifier.queue(pool)
	}
	return len(pools), nil
}

// ResumeQueues resumes the queues that were paused in River, which Freshet never does: a pool is paused in its
// own row. It tells their names.
func (s *Store) ResumeQueues(ctx context.Context) ([]string, error) {
	rows, err := s.pool.Query(ctx, `WITH resumed AS (
			UPDATE river.river_queue SET paused_at = NULL, updated_at = clock_timestamp()
			WHERE paused_at IS NOT NULL AND starts_with(name, 'pool_') RETURNING name
		)
		SELECT name FROM resumed, pg_notify('`+riverControlChannel+`', json_build_object('action', 'resume', 'queue', name)::text)`)
	if err != nil {
		return nil, fmt.Errorf("resume queues: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("resume queues: %w", err)
	}
	return names, nil
}
