package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
	"freshet/migrations"
)

// registerSQL changes nothing for a worker whose schema is too old.
const registerSQL = `
WITH worker AS (
	INSERT INTO freshet.workers
		(id, pool, host, pid, slots, kinds, version, session, lease_ms, started_at, beat_at, lease_until, unit, generation, schema)
	SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, now, now, now + $9::bigint * interval '1 millisecond', $10, $11, $12
	FROM clock_timestamp() AS now WHERE $12 >= ` + oldestSchema + `
	RETURNING id, pool, unit, started_at
), up AS (
	UPDATE freshet.fleet_units u SET state = 'up', unit = w.unit, worker_id = w.id, seen_at = w.started_at
	FROM worker w WHERE u.pool = w.pool AND u.state IN ('intended', 'starting') AND w.unit IN (u.unit, u.intent::text)
)
SELECT FROM worker`

// RegisterWorker makes a worker known, gives it its first lease, and tells the ledger that its unit is up. A migration that
// contracts goes before it or after it. Errors: ErrContracted.
func (s *Store) RegisterWorker(ctx context.Context, worker jobs.Worker) error {
	batch := &pgx.Batch{} // one transaction and one round trip; the statement sees what it waited for
	batch.Queue(`SELECT pg_advisory_xact_lock_shared(hashtextextended('freshet register', 0))`)
	batch.Queue(registerSQL,
		worker.ID, worker.Pool, worker.Host, worker.PID, worker.Slots, worker.Kinds, worker.Version, worker.Session,
		worker.Lease.Milliseconds(), nullText(worker.Unit), worker.Generation, int(migrations.Latest()),
	).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return ErrContracted
	})
	err := s.pool.SendBatch(ctx, batch).Close()
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
			UPDATE freshet.fleet_units u SET state = 'ended', outcome = 'left', ended_at = clock_timestamp(), reason = 'its worker left'
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
