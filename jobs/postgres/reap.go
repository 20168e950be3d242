package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// crashLimit is how many workers may die, with evidence, under one run of a task.
const crashLimit = 3

// Vitals looks at all workers that count as alive.
func (s *Store) Vitals(ctx context.Context) ([]jobs.Vital, error) {
	rows, err := s.pool.Query(ctx, `SELECT w.id, w.beat_at, w.lease_ms, w.session, l.objid IS NOT NULL
		FROM freshet.workers w
		LEFT JOIN pg_locks l ON l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.classid = (hashtextextended(w.id::text, 0) >> 32 & 4294967295)::oid
			AND l.objid = (hashtextextended(w.id::text, 0) & 4294967295)::oid
		WHERE w.died_at IS NULL ORDER BY w.id`)
	if err != nil {
		return nil, fmt.Errorf("look at the workers: %w", err)
	}
	vitals, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Vital, error) {
		var v jobs.Vital
		var lease int64
		err := row.Scan(&v.Worker, &v.Beat, &lease, &v.Session, &v.Locked)
		v.Lease = time.Duration(lease) * time.Millisecond
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the workers: %w", err)
	}
	return vitals, nil
}

// Bury declares workers dead that gave no sign of life since they were looked at. From then on none of
// them can beat, claim, or write for an attempt. It tells how many.
func (s *Store) Bury(ctx context.Context, dead []jobs.Vital) (int, error) {
	tag, err := s.pool.Exec(ctx, `UPDATE freshet.workers w SET died_at = clock_timestamp()
		FROM unnest($1::uuid[], $2::timestamptz[]) AS d(id, beat_at)
		WHERE w.id = d.id AND w.beat_at = d.beat_at AND w.died_at IS NULL`,
		column(dead, func(v jobs.Vital) uuid.UUID { return v.Worker }),
		column(dead, func(v jobs.Vital) time.Time { return v.Beat }))
	if err != nil {
		return 0, fmt.Errorf("bury workers: %w", err)
	}
	s.notifier.control()
	return int(tag.RowsAffected()), nil
}

// WorkerDied is told by who saw the process end. A worker that has left by itself is not known any more,
// which is no error.
func (s *Store) WorkerDied(ctx context.Context, worker uuid.UUID, death jobs.Death) error {
	_, err := s.pool.Exec(ctx, `UPDATE freshet.workers SET died_at = coalesce(died_at, clock_timestamp()), exit_code = $2, signal = $3
		WHERE id = $1`, worker, death.ExitCode, nullText(death.Signal))
	if err != nil {
		return fmt.Errorf("note the death of worker %s: %w", worker, err)
	}
	s.notifier.control()
	return nil
}

// reapSQL ends the attempts of workers that are dead or gone. A death never changes back, so that it may
// be read without a lock; the attempt is looked at again under its own.
const reapSQL = `
WITH lost AS MATERIALIZED (
	SELECT a.task_id, a.worker_id, w.exit_code, w.signal, w.exit_code IS NOT NULL OR w.signal IS NOT NULL AS crashed
	FROM freshet.attempts a LEFT JOIN freshet.workers w ON w.id = a.worker_id
	WHERE a.state = 'running' AND (w.id IS NULL OR w.died_at IS NOT NULL)
	ORDER BY a.task_id LIMIT $1
), task AS MATERIALIZED (
	SELECT t.id AS task_id, t.owner, t.kind, t.pool, t.priority, t.run, t.attempt AS number, t.key_active, t.idempotency_key,
		lost.worker_id, lost.exit_code, lost.signal, lost.crashed
	FROM freshet.tasks t JOIN lost ON lost.task_id = t.id
	ORDER BY t.id FOR UPDATE OF t SKIP LOCKED
), attempt AS MATERIALIZED (
	SELECT task.*, a.river_job_id, a.limited, a.cancel_requested_at IS NOT NULL AS unwanted, clock_timestamp() AS now,
		crashed AND (SELECT count(*) FROM freshet.attempts p WHERE p.task_id = task.task_id AND p.run = task.run
			AND p.outcome = 'lost' AND (p.exit_code IS NOT NULL OR p.signal IS NOT NULL)) + 1 >= $2 AS poison
	FROM freshet.attempts a JOIN task ON a.task_id = task.task_id AND a.number = task.number
	WHERE a.state = 'running' AND a.worker_id = task.worker_id
	ORDER BY a.task_id FOR UPDATE OF a
), mine AS MATERIALIZED (
	SELECT *, CASE WHEN unwanted THEN 'cancelled' WHEN poison THEN 'failed' ELSE 'lost' END AS verdict,
		NOT unwanted AND NOT poison AS follows, 0::bigint AS delay_ms, false AS costs_try,
		json_build_object('code', CASE WHEN poison THEN $3 ELSE $4 END,
			'message', CASE WHEN poison THEN $5 ELSE 'The worker died while it ran the attempt.' END,
			'retryable', NOT poison, 'attempt', number, 'exitCode', exit_code, 'signal', signal)::text AS failure,
		NULL::text AS output, NULL::text AS usage
	FROM attempt
), ` + endingSQL + `
SELECT task_id, pool, follows, limited, ` + someTold + ` FROM mine`

// Reap ends the attempts of dead workers as lost, at most limit of them, and queues the next ones; one
// under which too many workers died fails, and one whose cancel was requested is cancelled. It tells how
// many.
func (s *Store) Reap(ctx context.Context, limit int) (int, error) {
	poison := fmt.Sprintf("%d workers died while they ran the task.", crashLimit)
	rows, err := s.pool.Query(ctx, reapSQL, limit, crashLimit, string(jobs.CodeCrashed), string(jobs.CodeLost), poison)
	if err != nil {
		return 0, fmt.Errorf("reap: %w", err)
	}
	reaped := 0
	var task uuid.UUID
	var pool string
	var follows, limited, told bool
	_, err = pgx.ForEachRow(rows, []any{&task, &pool, &follows, &limited, &told}, func() error {
		reaped++
		s.notifier.task(task)
		if told {
			s.notifier.delivery()
		}
		switch {
		case follows:
			s.notifier.queue(pool)
		case limited: // what is held may be admitted
			s.notifier.control()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("reap: %w", err)
	}
	return reaped, nil
}

// ForgetWorkers removes workers that died longer ago than age and of whom nothing is left to be done.
func (s *Store) ForgetWorkers(ctx context.Context, age time.Duration) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM freshet.workers w WHERE w.died_at < clock_timestamp() - $1::bigint * interval '1 millisecond'
		AND NOT EXISTS (SELECT FROM freshet.attempts a WHERE a.state = 'running' AND a.worker_id = w.id)`, age.Milliseconds())
	if err != nil {
		return fmt.Errorf("forget dead workers: %w", err)
	}
	return nil
}
