package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// SyncPools makes the given pools the current ones and retires all others. Workers of pools that are gone, and
// of generations that are over, leave when they hear of it.
func (s *Store) SyncPools(ctx context.Context, pools []jobs.Pool) error {
	fleets := column(pools, func(p jobs.Pool) jobs.PoolFleet {
		if p.Fleet == nil {
			return jobs.PoolFleet{}
		}
		return *p.Fleet
	})
	_, err := s.pool.Exec(ctx, `
		WITH input AS (SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::boolean[], $5::int[], $6::int[], $7::bigint[], $8::text[], $9::int[], $10::float8[])
			AS i(name, provider, slots, managed, min_units, max_units, start_ms, generation, starts_per_minute, budget_hours)),
		pool AS (
			INSERT INTO freshet.pools (name, provider, slots, managed, min_units, max_units, start_ms, generation, starts_per_minute, budget_hours)
			SELECT name, provider, slots, managed, min_units, max_units, start_ms, generation, starts_per_minute, budget_hours FROM input ORDER BY name
			ON CONFLICT (name) DO UPDATE SET provider = excluded.provider, slots = excluded.slots, managed = excluded.managed,
				min_units = excluded.min_units, max_units = excluded.max_units, start_ms = excluded.start_ms,
				generation = excluded.generation, starts_per_minute = excluded.starts_per_minute, budget_hours = excluded.budget_hours, retired_at = NULL
		)
		UPDATE freshet.pools SET retired_at = now() WHERE name <> ALL ($1) AND retired_at IS NULL`,
		column(pools, func(p jobs.Pool) string { return p.Name }),
		column(pools, func(p jobs.Pool) string { return p.Provider }),
		column(pools, func(p jobs.Pool) int { return p.Slots }),
		column(pools, func(p jobs.Pool) bool { return p.Fleet != nil }),
		column(fleets, func(f jobs.PoolFleet) int { return f.Min }),
		column(fleets, func(f jobs.PoolFleet) int { return f.Max }),
		column(fleets, func(f jobs.PoolFleet) int64 { return f.StartTime.Milliseconds() }),
		column(fleets, func(f jobs.PoolFleet) string { return f.Generation }),
		column(fleets, func(f jobs.PoolFleet) int { return f.StartsPerMinute }),
		column(fleets, func(f jobs.PoolFleet) *float64 { return f.BudgetHours }))
	if err != nil {
		return fmt.Errorf("sync pools: %w", err)
	}
	s.notifier.generation()
	return nil
}

// Pools lists the current pools by name, with what waits and runs in each.
func (s *Store) Pools(ctx context.Context) ([]jobs.Pool, error) {
	rows, err := s.pool.Query(ctx, `SELECT p.name, p.provider, p.slots, p.paused_at,
			p.managed, p.min_units, p.max_units, p.generation, p.start_ms, p.starts_per_minute, p.budget_hours,
			(SELECT count(*) FROM freshet.workers w WHERE w.pool = p.name AND w.died_at IS NULL AND w.lease_until > clock_timestamp()),
			(SELECT count(*) FROM freshet.attempts a WHERE a.pool = p.name AND a.state <> 'ended' AND a.state = 'queued'),
			(SELECT count(*) FROM freshet.attempts a WHERE a.pool = p.name AND a.state <> 'ended' AND a.state = 'running'),
			(SELECT count(*) FROM freshet.fleet_units u WHERE u.pool = p.name AND u.state <> 'ended'),
			(SELECT count(*) FROM freshet.fleet_units u WHERE u.pool = p.name AND u.state IN ('intended', 'starting'))
		FROM freshet.pools p WHERE p.retired_at IS NULL ORDER BY p.name`)
	if err != nil {
		return nil, fmt.Errorf("list pools: %w", err)
	}
	pools, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Pool, error) {
		var p jobs.Pool
		var f jobs.PoolFleet
		var managed bool
		var start int64
		err := row.Scan(&p.Name, &p.Provider, &p.Slots, &p.PausedAt, &managed, &f.Min, &f.Max, &f.Generation, &start, &f.StartsPerMinute, &f.BudgetHours,
			&p.Workers, &p.Queued, &p.Running, &p.Units, &p.Booting)
		if managed {
			f.StartTime = time.Duration(start) * time.Millisecond
			p.Fleet = &f
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("list pools: %w", err)
	}
	return pools, nil
}
