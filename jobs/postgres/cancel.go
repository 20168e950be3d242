package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// staleTries bounds how often a statement is run again because the task's attempt changed under it.
// Each time someone else's change was committed, so this many in a row mean a storm.
const staleTries = 20

// errStale: the task was locked, but its current attempt is younger than the statement's snapshot.
var errStale = errors.New("stale")

// untilFresh runs a statement again, in a new snapshot, as long as it is stale.
func untilFresh(statement func() error) error {
	for range staleTries {
		if err := statement(); !errors.Is(err, errStale) {
			return err
		}
	}
	return jobs.ErrBusy
}

// cancelSQL ends a task that waits, and asks the worker of one that runs.
const cancelSQL = `
WITH task AS MATERIALIZED (
	SELECT id, state, attempt, owner, key_active, idempotency_key FROM freshet.tasks WHERE id = $1 FOR UPDATE
), attempt AS MATERIALIZED (
	SELECT a.task_id, a.number, a.state = 'running' AS runs, a.river_job_id, a.worker_id, a.limited,
		a.cancel_requested_at IS NULL AS first, clock_timestamp() AS now
	FROM freshet.attempts a JOIN task ON a.task_id = task.id AND a.number = task.attempt
	WHERE a.state <> 'ended' FOR UPDATE OF a
), changed AS (
	UPDATE freshet.attempts a SET
		state = CASE WHEN c.runs THEN a.state ELSE 'ended' END,
		outcome = CASE WHEN NOT c.runs THEN 'cancelled' END,
		ended_at = CASE WHEN NOT c.runs THEN c.now END,
		cancel_requested_at = c.now
	FROM attempt c WHERE a.task_id = c.task_id AND a.number = c.number AND c.first
	RETURNING c.*
), moved AS (
	UPDATE freshet.tasks t SET seq = t.seq + 1,
		state = CASE WHEN c.runs THEN t.state ELSE 'cancelled' END,
		ended_at = CASE WHEN NOT c.runs THEN c.now END,
		cancel_requested_at = c.now
	FROM changed c WHERE t.id = c.task_id
	RETURNING t.id, t.seq, ` + toldTask + `
), told AS (
	SELECT c.task_id, m.seq, c.number AS attempt, c.now AS at,
		CASE WHEN c.runs THEN 'task.cancel_requested' ELSE 'task.cancelled' END AS type, NULL::json AS data, NULL::text AS output, m.task
	FROM changed c JOIN moved m ON m.id = c.task_id
), ` + tellSQL + `, gone AS (
	DELETE FROM river.river_job j USING changed c WHERE j.id = c.river_job_id AND NOT c.runs
), freed AS (
	DELETE FROM freshet.idempotency_keys k USING task t, changed c
	WHERE NOT c.runs AND t.key_active AND k.owner = t.owner AND k.key = t.idempotency_key AND k.task_id = t.id
)
SELECT task.state, a.number IS NOT NULL, EXISTS (SELECT FROM changed), CASE WHEN a.runs THEN a.worker_id END, coalesce(a.limited, false), ` + someTold + `
FROM task LEFT JOIN attempt a ON true`

// Cancel ends a task that waits, at once, and requests it of one that runs: that one is cancelled when
// its command is dead. Asking again changes nothing. Errors: jobs.ErrNotFound, jobs.ErrEnded,
// jobs.ErrBusy.
func (s *Store) Cancel(ctx context.Context, id uuid.UUID) error {
	err := untilFresh(func() error { return s.cancelOnce(ctx, id) })
	if err != nil {
		return fmt.Errorf("cancel task %s: %w", id, err)
	}
	return nil
}

func (s *Store) cancelOnce(ctx context.Context, id uuid.UUID) error {
	var state jobs.State
	var alive, changed, limited, told bool
	var worker *uuid.UUID
	err := s.pool.QueryRow(ctx, cancelSQL, id).Scan(&state, &alive, &changed, &worker, &limited, &told)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return jobs.ErrNotFound
	case err != nil:
		return err
	case state == jobs.Cancelled:
		return nil
	case state.Ended():
		return jobs.ErrEnded
	case !alive:
		return errStale
	}
	if changed {
		s.notifier.task(id)
	}
	if limited { // what is held may be admitted
		s.notifier.control()
	}
	if told {
		s.notifier.delivery()
	}
	if worker != nil {
		s.notifier.worker(*worker)
	}
	return nil
}
