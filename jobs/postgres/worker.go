package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// RegisterWorker makes a worker known and gives it its first lease.
func (s *Store) RegisterWorker(ctx context.Context, worker jobs.Worker) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO freshet.workers
			(id, pool, host, pid, slots, kinds, version, session, lease_ms, started_at, beat_at, lease_until)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, now, now, now + $9::bigint * interval '1 millisecond' FROM clock_timestamp() AS now`,
		worker.ID, worker.Pool, worker.Host, worker.PID, worker.Slots, worker.Kinds, worker.Version, worker.Session, worker.Lease.Milliseconds())
	if err != nil {
		return fmt.Errorf("register worker: %w", err)
	}
	s.notifier.control() // a kind that had no worker may have one now
	return nil
}

// Beat renews a worker's lease, also one that has run out, as long as nobody has buried the worker: then,
// and when it is not registered, the error is jobs.ErrNotFound.
func (s *Store) Beat(ctx context.Context, worker uuid.UUID) error {
	changed, err := s.pool.Exec(ctx, `UPDATE freshet.workers SET beat_at = clock_timestamp(),
		lease_until = clock_timestamp() + lease_ms * interval '1 millisecond' WHERE id = $1 AND died_at IS NULL`, worker)
	if err == nil && changed.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("beat: %w", err)
	}
	return nil
}

// SetWorkerKinds changes the kinds that a worker can run.
func (s *Store) SetWorkerKinds(ctx context.Context, worker uuid.UUID, kinds []string) error {
	if _, err := s.pool.Exec(ctx, `UPDATE freshet.workers SET kinds = $2 WHERE id = $1`, worker, kinds); err != nil {
		return fmt.Errorf("set the kinds of a worker: %w", err)
	}
	s.notifier.control() // a kind that had no worker may have one now
	return nil
}

// RemoveWorker forgets a worker that leaves.
func (s *Store) RemoveWorker(ctx context.Context, worker uuid.UUID) error {
	if _, err := s.pool.Exec(ctx, `DELETE FROM freshet.workers WHERE id = $1`, worker); err != nil {
		return fmt.Errorf("remove worker: %w", err)
	}
	return nil
}

// Workers lists the registered workers, the oldest first, also those whose lease has run out.
func (s *Store) Workers(ctx context.Context) ([]jobs.Worker, error) {
	rows, err := s.pool.Query(ctx, `SELECT w.id, w.pool, w.host, w.pid, w.slots, w.kinds, w.version, w.started_at, w.beat_at, w.lease_until,
			(SELECT count(*) FROM freshet.attempts a WHERE a.worker_id = w.id AND a.state = 'running')
		FROM freshet.workers w WHERE w.died_at IS NULL ORDER BY w.started_at, w.id`)
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	workers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Worker, error) {
		var w jobs.Worker
		err := row.Scan(&w.ID, &w.Pool, &w.Host, &w.PID, &w.Slots, &w.Kinds, &w.Version, &w.StartedAt, &w.BeatAt, &w.LeaseUntil, &w.Running)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	return workers, nil
}

// SyncPools makes the given pools the current ones and retires all others.
func (s *Store) SyncPools(ctx context.Context, pools []jobs.Pool) error {
	_, err := s.pool.Exec(ctx, `
		WITH input AS (SELECT * FROM unnest($1::text[], $2::text[], $3::int[]) AS i(name, provider, slots)),
		pool AS (
			INSERT INTO freshet.pools (name, provider, slots) SELECT name, provider, slots FROM input ORDER BY name
			ON CONFLICT (name) DO UPDATE SET provider = excluded.provider, slots = excluded.slots, retired_at = NULL
		)
		UPDATE freshet.pools SET retired_at = now() WHERE name <> ALL ($1) AND retired_at IS NULL`,
		column(pools, func(p jobs.Pool) string { return p.Name }),
		column(pools, func(p jobs.Pool) string { return p.Provider }),
		column(pools, func(p jobs.Pool) int { return p.Slots }))
	if err != nil {
		return fmt.Errorf("sync pools: %w", err)
	}
	return nil
}

// Pools lists the current pools by name, with what waits and runs in each.
func (s *Store) Pools(ctx context.Context) ([]jobs.Pool, error) {
	rows, err := s.pool.Query(ctx, `SELECT p.name, p.provider, p.slots, p.paused_at,
			(SELECT count(*) FROM freshet.workers w WHERE w.pool = p.name AND w.died_at IS NULL AND w.lease_until > clock_timestamp()),
			(SELECT count(*) FROM freshet.attempts a WHERE a.pool = p.name AND a.state <> 'ended' AND a.state = 'queued'),
			(SELECT count(*) FROM freshet.attempts a WHERE a.pool = p.name AND a.state <> 'ended' AND a.state = 'running')
		FROM freshet.pools p WHERE p.retired_at IS NULL ORDER BY p.name`)
	if err != nil {
		return nil, fmt.Errorf("list pools: %w", err)
	}
	pools, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Pool, error) {
		var p jobs.Pool
		err := row.Scan(&p.Name, &p.Provider, &p.Slots, &p.PausedAt, &p.Workers, &p.Queued, &p.Running)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("list pools: %w", err)
	}
	return pools, nil
}
