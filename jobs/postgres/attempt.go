package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// Attempts lists all attempts of a task, the first one first.
func (s *Store) Attempts(ctx context.Context, task uuid.UUID) ([]jobs.Attempt, error) {
	rows, err := s.window.Query(ctx, `SELECT number, run, state, coalesce(outcome, ''), worker_id, failure, exit_code,
			coalesce(signal, ''), usage, since, started_at, ended_at
		FROM freshet.attempts WHERE task_id = $1 ORDER BY number`, task)
	if err != nil {
		return nil, fmt.Errorf("attempts of task %s: %w", task, err)
	}
	attempts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Attempt, error) {
		var attempt jobs.Attempt
		var worker *uuid.UUID
		var failure, usage []byte
		err := row.Scan(&attempt.Number, &attempt.Run, &attempt.State, &attempt.Outcome, &worker, &failure, &attempt.ExitCode,
			&attempt.Signal, &usage, &attempt.QueuedAt, &attempt.StartedAt, &attempt.EndedAt)
		if err != nil {
			return attempt, err
		}
		if worker != nil {
			attempt.WorkerID = *worker
		}
		if attempt.Failure, err = fromJSON[jobs.Failure](failure); err != nil {
			return attempt, err
		}
		attempt.Usage, err = fromJSON[jobs.Usage](usage)
		return attempt, err
	})
	if err != nil {
		return nil, fmt.Errorf("attempts of task %s: %w", task, err)
	}
	return attempts, nil
}

// CancelsRequested lists the running attempts of a worker whose cancel is requested, by their tasks.
func (s *Store) CancelsRequested(ctx context.Context, worker uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, `SELECT task_id FROM freshet.attempts
		WHERE worker_id = $1 AND state = 'running' AND cancel_requested_at IS NOT NULL`, worker)
	if err != nil {
		return nil, fmt.Errorf("requested cancels: %w", err)
	}
	tasks, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("requested cancels: %w", err)
	}
	return tasks, nil
}
