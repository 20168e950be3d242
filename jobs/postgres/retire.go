package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// generationOver tells of a worker w whether its pool is of another generation by now, or gone.
const generationOver = `w.generation <> '' AND NOT EXISTS (SELECT FROM freshet.pools p
	WHERE p.name = w.pool AND p.retired_at IS NULL AND p.generation = w.generation)`

// Retire has a worker say, before it leaves for want of work, that it is about to. From then on nobody counts
// on it. Whoever retires looks once more afterwards (Waiting), since a task may have come in between.
// Not granted: its pool would have fewer workers than it is to keep, or the worker counts as dead.
func (s *Store) Retire(ctx context.Context, worker uuid.UUID) (granted bool, err error) {
	batch := &pgx.Batch{} // one transaction: the count is true, since it begins when the lock is had
	batch.Queue(`SELECT FROM freshet.pools p WHERE p.name = (SELECT pool FROM freshet.workers WHERE id = $1) FOR UPDATE`, worker)
	batch.Queue(`UPDATE freshet.workers w SET retiring_at = clock_timestamp()
		WHERE w.id = $1 AND w.died_at IS NULL AND NOT EXISTS (SELECT FROM freshet.pools p WHERE p.name = w.pool AND p.managed
			AND p.min_units > (SELECT count(*) FROM freshet.workers o WHERE o.pool = w.pool AND o.id <> w.id
				AND o.died_at IS NULL AND o.retiring_at IS NULL AND o.lease_until > clock_timestamp()))
		RETURNING true`, worker).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&granted); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return false, fmt.Errorf("retire worker %s: %w", worker, err)
	}
	return granted, nil
}

// Waiting tells whether an attempt waits in the queue of a pool, or has been fetched for this worker of it.
func (s *Store) Waiting(ctx context.Context, pool string, worker uuid.UUID) (bool, error) {
	var waits bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM river.river_job WHERE state = 'available' AND queue = $1)
		OR EXISTS (SELECT FROM river.river_job WHERE state = 'running' AND queue = $1 AND attempted_by[cardinality(attempted_by)] = $2::text)`,
		jobs.Queue(pool), worker).Scan(&waits)
	if err != nil {
		return false, fmt.Errorf("look for work in pool %s: %w", pool, err)
	}
	return waits, nil
}

// Stay takes Retire back. The error is jobs.ErrNotFound when the worker counts as dead.
func (s *Store) Stay(ctx context.Context, worker uuid.UUID) error {
	changed, err := s.pool.Exec(ctx, `UPDATE freshet.workers SET retiring_at = NULL WHERE id = $1 AND died_at IS NULL`, worker)
	if err == nil && changed.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("keep worker %s: %w", worker, err)
	}
	return nil
}
