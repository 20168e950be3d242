package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// settleSQL brings the ledger of a pool up to date with its workers. A provider may have started another worker in
// the unit of one that died. A death is only a failure of the unit if its worker had hardly begun: what it ran may be
// to blame for a later one, which its own task counts.
const settleSQL = `
WITH orphan AS (
	SELECT u.intent, w.id AS worker_id, w.started_at FROM freshet.fleet_units u
	LEFT JOIN LATERAL (
		SELECT w.id, w.started_at FROM freshet.workers w
		WHERE w.pool = u.pool AND w.unit IN (u.unit, u.intent::text) AND w.started_at >= u.created_at AND w.died_at IS NULL
		ORDER BY w.started_at DESC LIMIT 1
	) w ON true
	WHERE u.pool = $1 AND u.state <> 'ended'
		AND NOT EXISTS (SELECT FROM freshet.workers w WHERE w.id = u.worker_id AND w.died_at IS NULL)
), up AS (
	UPDATE freshet.fleet_units u SET state = 'up', worker_id = o.worker_id, seen_at = o.started_at
	FROM orphan o WHERE u.intent = o.intent AND o.worker_id IS NOT NULL
)
UPDATE freshet.fleet_units u SET state = 'ended', outcome = 'died', ended_at = clock_timestamp(),
	failed = u.seen_at > clock_timestamp() - interval '10 seconds', reason = 'its worker died'
FROM orphan o WHERE u.intent = o.intent AND o.worker_id IS NULL AND u.state = 'up'`

// retakeAfter is when somebody else takes a unit in hand of which nothing more was heard: the replica has died.
const retakeAfter = time.Minute

// lateSQL takes the units of a pool in hand that have no worker although their time to boot is over.
const lateSQL = `UPDATE freshet.fleet_units u SET ordered_at = clock_timestamp()
WHERE u.pool = $1 AND u.state IN ('intended', 'starting') AND u.boot_until < clock_timestamp()
	AND (u.state = 'starting' AND u.ordered_at < u.boot_until OR u.ordered_at < clock_timestamp() - $2::bigint * interval '1 millisecond')
RETURNING u.intent, coalesce(u.unit, ''), u.boot_until`

// retakeSQL takes over the orders of replicas that died.
const retakeSQL = `UPDATE freshet.fleet_units u SET ordered_at = clock_timestamp()
WHERE u.pool = $1 AND u.state = 'intended' AND u.boot_until > clock_timestamp()
	AND u.ordered_at < clock_timestamp() - $2::bigint * interval '1 millisecond'
RETURNING u.intent, u.generation`

// demandSQL counts what a pool needs and what it has. What waits is counted in River's own index, and no further
// than could ever matter. A worker that has just said that it may leave still counts, for as long as it takes to
// look once more: if it finds what waits, it stays.
const demandSQL = `
SELECT p.paused_at IS NOT NULL OR ` + inMaintenance + `, p.slots, p.min_units, p.max_units, p.starts_per_minute, p.generation, p.provider, p.held_back,
	ready.queued + ready.due, free.count, unit.booting * p.slots, unit.alive, unit.recent, failure.count, failure.age_ms,
	p.budget_hours - unit.hours, (SELECT (extract(epoch FROM min(a.due_at) - clock_timestamp()) * 1000)::bigint
		FROM freshet.attempts a WHERE a.state = 'held' AND a.pool = p.name AND a.hold IN ('scheduled', 'backoff')
			AND a.due_at > clock_timestamp() + p.start_ms * interval '1 millisecond') - p.start_ms
FROM freshet.pools p
CROSS JOIN LATERAL (
	SELECT coalesce(sum(greatest(0, w.slots - (SELECT count(*) FROM freshet.attempts a
		WHERE a.worker_id = w.id AND a.state = 'running'))), 0)::int AS count
	FROM freshet.workers w WHERE w.pool = p.name AND w.died_at IS NULL
		AND w.beat_at > clock_timestamp() - least(w.lease_ms, 25000) * interval '1 millisecond'
		AND (w.retiring_at IS NULL OR w.retiring_at > clock_timestamp() - interval '200 milliseconds')
		AND NOT (` + generationOver + `)
) free
CROSS JOIN LATERAL (
	SELECT (SELECT count(*) FROM (SELECT FROM river.river_job j WHERE j.state = 'available' AND j.queue = 'pool_' || p.name
			LIMIT p.slots * p.max_units + free.count) few)::int AS queued,
		(SELECT count(*) FROM (SELECT FROM freshet.attempts a WHERE a.state = 'held' AND NOT a.limited AND a.pool = p.name
			AND a.hold IN ('scheduled', 'backoff')
			AND a.due_at <= clock_timestamp() + p.start_ms * interval '1 millisecond'
			LIMIT p.slots * p.max_units + free.count) few)::int AS due
) ready
CROSS JOIN LATERAL (
	SELECT count(*) FILTER (WHERE u.state IN ('intended', 'starting') AND u.boot_until > clock_timestamp())::int AS booting,
		count(*) FILTER (WHERE u.state <> 'ended')::int AS alive,
		count(*) FILTER (WHERE u.created_at > clock_timestamp() - interval '1 minute')::int AS recent,
		coalesce(sum(extract(epoch FROM coalesce(u.ended_at, clock_timestamp()) - greatest(u.created_at, day.began)) / 3600), 0)::float8 AS hours
	FROM (SELECT date_trunc('day', clock_timestamp(), 'UTC') AS began) day
	LEFT JOIN freshet.fleet_units u ON u.pool = p.name AND (u.state <> 'ended' OR u.ended_at >= day.began)
) unit
CROSS JOIN LATERAL (
	SELECT count(*)::int AS count, coalesce(extract(epoch FROM clock_timestamp() - max(u.ended_at)) * 1000, 0)::bigint AS age_ms
	FROM freshet.fleet_units u WHERE u.pool = p.name AND u.failed AND u.ended_at > clock_timestamp() - interval '10 minutes'
		AND u.ended_at > coalesce((SELECT max(coalesce(good.ended_at, good.seen_at)) FROM freshet.fleet_units good WHERE good.pool = p.name
			AND NOT good.failed AND good.seen_at < clock_timestamp() - interval '10 seconds'), '-infinity')
) failure
WHERE p.name = $1 AND p.retired_at IS NULL`

// Provision is what follows from a look at a pool.
type Provision struct {
	Busy   bool           // another replica was deciding; look again soon
	Demand jobs.Demand    // what was seen
	Orders []jobs.Unit    // to be started now, by this replica
	Late   []jobs.Unit    // without a worker although their time is over: to be given up, now, by this replica
	Due    *time.Duration // until something that waits for its time needs a worker to be started; nil: nothing does
}

// Provision looks at a pool, has decide say how many units it needs more and whether it is held back, and writes
// both down: all under the pool's lock, which one replica has at a time, so that nothing is bought twice. decide must
// be quick. Orders that another replica wrote down and did not live to carry out are among those that are answered.
func (s *Store) Provision(ctx context.Context, pool string, bootTime time.Duration, decide func(jobs.Demand) (units int, heldBack bool)) (Provision, error) {
	var p Provision
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var mine bool
		err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('freshet pool ' || $1, 0))`, pool).Scan(&mine)
		if err != nil || !mine {
			p.Busy = !mine
			return err
		}
		return provision(ctx, tx, pool, bootTime, decide, &p)
	})
	if err != nil {
		return Provision{}, fmt.Errorf("provide for pool %s: %w", pool, err)
	}
	return p, nil
}

// poolView is what provision sees of a pool beside its demand.
type poolView struct {
	found                bool
	generation, provider string
	heldBack             bool
	due                  *int64 // milliseconds
}

func provision(ctx context.Context, tx pgx.Tx, pool string, bootTime time.Duration, decide func(jobs.Demand) (units int, heldBack bool), p *Provision) error {
	batch := &pgx.Batch{}
	batch.Queue(settleSQL, pool)
	batch.Queue(lateSQL, pool, retakeAfter.Milliseconds()).Query(func(rows pgx.Rows) error {
		unit := jobs.Unit{Pool: pool}
		_, err := pgx.ForEachRow(rows, []any{&unit.Intent, &unit.ID, &unit.BootUntil}, func() error {
			p.Late = append(p.Late, unit)
			return nil
		})
		return err
	})
	batch.Queue(retakeSQL, pool, retakeAfter.Milliseconds()).Query(func(rows pgx.Rows) error {
		unit := jobs.Unit{Pool: pool}
		_, err := pgx.ForEachRow(rows, []any{&unit.Intent, &unit.Generation}, func() error {
			p.Orders = append(p.Orders, unit)
			return nil
		})
		return err
	})
	var view poolView
	batch.Queue(demandSQL, pool).Query(func(rows pgx.Rows) error { return view.scan(rows, &p.Demand) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || !view.found {
		return err
	}
	if view.due != nil {
		p.Due = new(time.Duration(*view.due) * time.Millisecond)
	}
	units, heldBack := decide(p.Demand)
	for range units {
		p.Orders = append(p.Orders, jobs.Unit{Intent: uuid.Must(uuid.NewV7()), Pool: pool, Generation: view.generation, State: jobs.UnitIntended})
	}
	if heldBack != view.heldBack {
		if _, err := tx.Exec(ctx, `UPDATE freshet.pools SET held_back = $2 WHERE name = $1`, pool, heldBack); err != nil {
			return err
		}
	}
	return intend(ctx, tx, view.provider, bootTime, p.Orders)
}

// scan reads the one row of demandSQL, if there is one.
func (v *poolView) scan(rows pgx.Rows, d *jobs.Demand) error {
	var age int64
	var left *float64
	_, err := pgx.ForEachRow(rows, []any{
		&d.Paused, &d.Slots, &d.Min, &d.Max, &d.StartsPerMinute, &v.generation, &v.provider, &v.heldBack, &d.Ready, &d.Free, &d.Booting, &d.Units, &d.Recent,
		&d.Failures, &age, &left, &v.due,
	}, func() error {
		v.found, d.FailedFor = true, time.Duration(age)*time.Millisecond
		if d.NoBudget = left == nil; left != nil {
			d.BudgetLeft = *left
		}
		return nil
	})
	return err
}

// intend writes down the orders that are new.
func intend(ctx context.Context, tx pgx.Tx, provider string, bootTime time.Duration, orders []jobs.Unit) error {
	if len(orders) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO freshet.fleet_units
			(intent, pool, provider, generation, state, created_at, ordered_at, boot_until)
		SELECT intent, pool, $4, generation, 'intended', now, now, now + $5::bigint * interval '1 millisecond'
		FROM unnest($1::uuid[], $2::text[], $3::text[]) AS i(intent, pool, generation) CROSS JOIN clock_timestamp() AS now
		ON CONFLICT (intent) DO NOTHING`,
		column(orders, func(u jobs.Unit) uuid.UUID { return u.Intent }),
		column(orders, func(u jobs.Unit) string { return u.Pool }),
		column(orders, func(u jobs.Unit) string { return u.Generation }),
		provider, bootTime.Milliseconds())
	return err
}

// UnitStarted notes that the provider has taken an order, and what it calls the unit, whose time to boot begins.
func (s *Store) UnitStarted(ctx context.Context, intent uuid.UUID, unit string) error {
	_, err := s.pool.Exec(ctx, `UPDATE freshet.fleet_units SET unit = $2, state = CASE state WHEN 'intended' THEN 'starting' ELSE state END,
			boot_until = CASE state WHEN 'intended' THEN clock_timestamp() + (boot_until - created_at) ELSE boot_until END
		WHERE intent = $1`, intent, unit)
	if err != nil {
		return fmt.Errorf("note that unit %s starts: %w", intent, err)
	}
	return nil
}

// UnitEnded notes that a unit is no more, and why. One that ended badly when its worker had hardly begun, or
// not at all, counts against its pool; so does one that went before its worker came up.
func (s *Store) UnitEnded(ctx context.Context, intent uuid.UUID, outcome jobs.UnitOutcome, reason string) error {
	_, err := s.pool.Exec(ctx, `UPDATE freshet.fleet_units SET state = 'ended', outcome = $2, ended_at = clock_timestamp(), reason = $3,
			failed = CASE $2 WHEN 'left' THEN false WHEN 'gone' THEN seen_at IS NULL
				ELSE seen_at IS NULL OR seen_at > clock_timestamp() - interval '10 seconds' END
		WHERE intent = $1 AND state <> 'ended'`, intent, string(outcome), reason)
	if err != nil {
		return fmt.Errorf("note that unit %s ended: %w", intent, err)
	}
	return nil
}

// foundSQL counts the end that a unit was thought to have had before it takes it back: what was counted stays so.
const foundSQL = `
WITH found AS MATERIALIZED (
	SELECT p.name, p.provider, w.unit, w.generation, w.id, w.started_at
	FROM freshet.workers w JOIN freshet.pools p ON p.name = w.pool
	WHERE w.pool = $2 AND w.unit = $3 AND w.died_at IS NULL ORDER BY w.started_at DESC LIMIT 1
), ended AS MATERIALIZED (
	SELECT pool, outcome, seen_at FROM freshet.fleet_units
	WHERE intent = $1 AND state = 'ended' AND NOT counted AND EXISTS (SELECT FROM found) FOR UPDATE
), total AS (` + addTotalsSQL + `)
INSERT INTO freshet.fleet_units
	(intent, pool, provider, unit, generation, state, created_at, ordered_at, boot_until, worker_id, seen_at)
SELECT $1, name, provider, unit, generation, 'up', started_at, started_at, started_at, id, started_at FROM found
WHERE (SELECT count(*) FROM ended) >= 0  -- first
ON CONFLICT (intent) DO UPDATE SET unit = excluded.unit, state = 'up', worker_id = excluded.worker_id, seen_at = excluded.seen_at,
	ended_at = NULL, outcome = NULL, failed = false, reason = NULL, counted = false
WHERE fleet_units.state = 'ended'`

// UnitFound enters a unit in which a worker lives, and which the ledger does not know, or has given up. One that
// has none by now is left out.
func (s *Store) UnitFound(ctx context.Context, unit jobs.Unit) error {
	_, err := s.pool.Exec(ctx, foundSQL, unit.Intent, unit.Pool, unit.ID)
	if err != nil {
		return fmt.Errorf("enter unit %s: %w", unit.ID, err)
	}
	return nil
}

// Units lists the units of a pool that have not ended by what the ledger knows, which is to be compared with what
// their provider says.
func (s *Store) Units(ctx context.Context, pool string) ([]jobs.Unit, error) {
	rows, err := s.pool.Query(ctx, `SELECT intent, pool, coalesce(unit, ''), generation, state, created_at, boot_until, seen_at
		FROM freshet.fleet_units WHERE pool = $1 AND state <> 'ended' ORDER BY created_at, intent`, pool)
	if err != nil {
		return nil, fmt.Errorf("list units: %w", err)
	}
	units, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Unit, error) {
		var u jobs.Unit
		err := row.Scan(&u.Intent, &u.Pool, &u.ID, &u.Generation, &u.State, &u.CreatedAt, &u.BootUntil, &u.SeenAt)
		return u, err
	})
	if err != nil {
		return nil, fmt.Errorf("list units: %w", err)
	}
	return units, nil
}

// addTotalsSQL adds those that have ended to the totals.
const addTotalsSQL = `INSERT INTO freshet.fleet_totals AS t (pool, outcome, ended, up)
SELECT pool, outcome, count(*), count(seen_at) FROM ended WHERE outcome IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (pool, outcome) DO UPDATE SET ended = t.ended + excluded.ended, up = t.up + excluded.up`

// totalSQL adds the units that have ended to the totals, each once. Those that another replica counts now are left to it.
const totalSQL = `
WITH uncounted AS MATERIALIZED (
	SELECT intent FROM freshet.fleet_units WHERE state = 'ended' AND NOT counted ORDER BY intent FOR UPDATE SKIP LOCKED
), ended AS (
	UPDATE freshet.fleet_units u SET counted = true FROM uncounted WHERE u.intent = uncounted.intent
	RETURNING u.pool, u.outcome, u.seen_at
)
` + addTotalsSQL

// ForgetUnits removes units that ended longer ago than age. In the totals they stay, as do all others that have ended.
func (s *Store) ForgetUnits(ctx context.Context, age time.Duration) error {
	batch := &pgx.Batch{} // one transaction
	batch.Queue(totalSQL)
	batch.Queue(`DELETE FROM freshet.fleet_units WHERE counted
		AND ended_at < clock_timestamp() - $1::bigint * interval '1 millisecond'`, age.Milliseconds())
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("forget units: %w", err)
	}
	return nil
}
