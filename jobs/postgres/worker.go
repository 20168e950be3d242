package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// RegisterWorker makes a worker known, gives it its first lease, and tells the ledger that its unit is up.
func (s *Store) RegisterWorker(ctx context.Context, worker jobs.Worker) error {
	_, err := s.pool.Exec(ctx, `WITH worker AS (
			INSERT INTO freshet.workers
				(id, pool, host, pid, slots, kinds, version, session, lease_ms, started_at, beat_at, lease_until, unit, generation)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, now, now, now + $9::bigint * interval '1 millisecond', $10, $11
			FROM clock_timestamp() AS now
			RETURNING id, pool, unit, started_at
		)
		UPDATE freshet.fleet_units u SET state = 'up', unit = w.unit, worker_id = w.id, seen_at = w.started_at
		FROM worker w WHERE u.pool = w.pool AND u.state IN ('intended', 'starting') AND w.unit IN (u.unit, u.intent::text)`,
		worker.ID, worker.Pool, worker.Host, worker.PID, worker.Slots, worker.Kinds, worker.Version, worker.Session,
		worker.Lease.Milliseconds(), nullText(worker.Unit), worker.Generation)
	if err != nil {
		return fmt.Errorf("register worker: %w", err)
	}
	s.notifier.control() // a kind that had no worker may have one now
	return nil
}

// Beat renews a worker's lease, also one that has run out, as long as nobody has buried the worker: then,
// and when it is not registered, the error is jobs.ErrNotFound. It tells whether the worker's generation is
// over, so that it is to take nothing more.
func (s *Store) Beat(ctx context.Context, worker uuid.UUID) (over bool, err error) {
	err = s.pool.QueryRow(ctx, `UPDATE freshet.workers w SET beat_at = clock_timestamp(),
			lease_until = clock_timestamp() + lease_ms * interval '1 millisecond' WHERE id = $1 AND died_at IS NULL
		RETURNING `+generationOver, worker).Scan(&over)
	if err = noRows(err); err != nil {
		return false, fmt.Errorf("beat: %w", err)
	}
	return over, nil
}

// SetWorkerKinds changes the kinds that a worker can run.
func (s *Store) SetWorkerKinds(ctx context.Context, worker uuid.UUID, kinds []string) error {
	if _, err := s.pool.Exec(ctx, `UPDATE freshet.workers SET kinds = $2 WHERE id = $1`, worker, kinds); err != nil {
		return fmt.Errorf("set the kinds of a worker: %w", err)
	}
	s.notifier.control() // a kind that had no worker may have one now
	return nil
}

// RemoveWorker forgets a worker that leaves, and tells the ledger that its unit has ended.
func (s *Store) RemoveWorker(ctx context.Context, worker uuid.UUID) error {
	rows, err := s.pool.Query(ctx, `WITH gone AS (DELETE FROM freshet.workers WHERE id = $1 RETURNING id, pool),
		unit AS (
			UPDATE freshet.fleet_units u SET state = 'ended', ended_at = clock_timestamp(), reason = 'its worker left'
			FROM gone WHERE u.pool = gone.pool AND u.worker_id = gone.id AND u.state = 'up'
		)
		SELECT pool FROM gone`, worker)
	if err != nil {
		return fmt.Errorf("remove worker: %w", err)
	}
	pools, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("remove worker: %w", err)
	}
	for _, pool := range pools { // what it fetched at the last moment it has given back
		s.notifier.queue(pool)
	}
	return nil
}

// Workers lists the registered workers, the oldest first, also those whose lease has run out.
func (s *Store) Workers(ctx context.Context) ([]jobs.Worker, error) {
	rows, err := s.pool.Query(ctx, `SELECT w.id, w.pool, w.host, w.pid, w.slots, w.kinds, w.version, w.started_at, w.beat_at, w.lease_until,
			coalesce(w.unit, ''), w.generation, w.retiring_at,
			(SELECT count(*) FROM freshet.attempts a WHERE a.worker_id = w.id AND a.state = 'running')
		FROM freshet.workers w WHERE w.died_at IS NULL ORDER BY w.started_at, w.id`)
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	workers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Worker, error) {
		var w jobs.Worker
		err := row.Scan(&w.ID, &w.Pool, &w.Host, &w.PID, &w.Slots, &w.Kinds, &w.Version, &w.StartedAt, &w.BeatAt, &w.LeaseUntil,
			&w.Unit, &w.Generation, &w.RetiringAt, &w.Running)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	return workers, nil
}
