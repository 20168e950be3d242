package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"freshet/jobs"
)

const removeSQL = `
WITH task AS MATERIALIZED (
	SELECT id, state IN ('completed', 'failed', 'cancelled') AS ended FROM freshet.tasks WHERE id = $1 FOR UPDATE
), gone AS (
	DELETE FROM freshet.tasks t USING task WHERE t.id = task.id AND task.ended
), payload AS (
	DELETE FROM freshet.task_payloads WHERE task_id = $1 AND (SELECT ended FROM task)
), attempt AS (
	DELETE FROM freshet.attempts WHERE task_id = $1 AND (SELECT ended FROM task)
), event AS (
	DELETE FROM freshet.task_events WHERE task_id = $1 AND (SELECT ended FROM task)
), log AS (
	DELETE FROM freshet.task_logs WHERE task_id = $1 AND (SELECT ended FROM task)
), artifact AS (
	DELETE FROM freshet.artifacts WHERE task_id = $1 AND (SELECT ended FROM task)
), delivery AS (
	DELETE FROM freshet.deliveries WHERE task_id = $1 AND (SELECT ended FROM task)
), key AS (
	DELETE FROM freshet.idempotency_keys k USING freshet.tasks t
	WHERE t.id = $1 AND k.owner = t.owner AND k.key = t.idempotency_key AND k.task_id = t.id AND (SELECT ended FROM task)
)
SELECT ended FROM task`

// Remove deletes a task that has ended, with all that was kept of it. Errors: jobs.ErrNotFound,
// jobs.ErrNotEnded.
func (s *Store) Remove(ctx context.Context, id uuid.UUID) error {
	var ended bool
	err := s.pool.QueryRow(ctx, removeSQL, id).Scan(&ended)
	if err = noRows(err); err == nil && !ended {
		err = jobs.ErrNotEnded
	}
	if err != nil {
		return fmt.Errorf("delete task %s: %w", id, err)
	}
	s.notifier.task(id)
	return nil
}
