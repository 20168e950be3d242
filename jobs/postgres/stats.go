package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// statsSQL counts what has not ended in one pass over the index of that, and adds pools, workers and units; of what has
// ended, units alone, by their totals. Each row names what it counts.
const statsSQL = `
WITH alive AS MATERIALIZED (
	SELECT kind, pool, state, CASE state WHEN 'held' THEN hold ELSE state END AS reason, count(*) AS n, min(since) AS since
	FROM freshet.attempts WHERE state <> 'ended'
	GROUP BY 1, 2, 3, 4
), unit AS MATERIALIZED (
	SELECT u.pool, u.state, coalesce(u.outcome, '') AS outcome, count(*) AS n, count(u.seen_at) AS up
	FROM freshet.fleet_units u WHERE NOT u.counted GROUP BY 1, 2, 3
	UNION ALL
	SELECT t.pool, 'ended', t.outcome, t.ended, t.up FROM freshet.fleet_totals t
	JOIN freshet.pools p ON p.name = t.pool AND p.retired_at IS NULL
)
SELECT 'kind' AS what, kind AS name, reason, sum(n)::bigint AS n, 0::float8 AS more FROM alive GROUP BY kind, reason
UNION ALL
SELECT 'pool', name, '', 0, 0 FROM freshet.pools WHERE retired_at IS NULL
UNION ALL
SELECT state, pool, '', sum(n)::bigint, extract(epoch FROM clock_timestamp() - min(since))::float8
FROM alive WHERE state <> 'held' GROUP BY state, pool
UNION ALL
SELECT 'worker', pool, '', count(*), sum(slots) FROM freshet.workers
WHERE died_at IS NULL AND lease_until > clock_timestamp() GROUP BY pool
UNION ALL
SELECT 'unit', pool, state, n, 0 FROM unit WHERE state <> 'ended'
UNION ALL
SELECT 'ended', pool, outcome, sum(n)::bigint, 0 FROM unit WHERE state = 'ended' GROUP BY pool, outcome
UNION ALL
SELECT 'started', pool, '', sum(up)::bigint, 0 FROM unit GROUP BY pool
ORDER BY 2`

// ownStatsSQL counts what has not ended of one owner.
const ownStatsSQL = `
SELECT 'kind', kind, CASE state WHEN 'held' THEN hold ELSE state END AS reason, count(*), 0::float8
FROM freshet.attempts WHERE state <> 'ended' AND owner = $1
GROUP BY kind, reason ORDER BY kind`

// Stats counts what waits and runs, and who is there to run it: one statement, whose work grows with what has
// not ended, not with what is kept.
func (s *Store) Stats(ctx context.Context) (jobs.Stats, error) {
	return s.stats(ctx, statsSQL)
}

// OwnStats counts what waits and runs of one owner.
func (s *Store) OwnStats(ctx context.Context, owner string) (jobs.Stats, error) {
	return s.stats(ctx, ownStatsSQL, owner)
}

func (s *Store) stats(ctx context.Context, sql string, args ...any) (stats jobs.Stats, err error) {
	rows, err := s.window.Query(ctx, sql, args...)
	if err != nil {
		return jobs.Stats{}, fmt.Errorf("count what waits and runs: %w", err)
	}
	var what, name, reason string
	var n int
	var more float64
	_, err = pgx.ForEachRow(rows, []any{&what, &name, &reason, &n, &more}, func() error {
		if what == "kind" {
			countKind(&stats, name, reason, n)
		} else {
			countPool(&stats, name, what, reason, n, more)
		}
		return nil
	})
	if err != nil {
		return jobs.Stats{}, fmt.Errorf("count what waits and runs: %w", err)
	}
	return stats, nil
}

// countKind takes in a row about a kind. The rows come by name.
func countKind(stats *jobs.Stats, kind, reason string, n int) {
	if last := len(stats.Kinds) - 1; last < 0 || stats.Kinds[last].Kind != kind {
		stats.Kinds = append(stats.Kinds, jobs.KindStats{Kind: kind, Waiting: map[jobs.WaitReason]int{}})
	}
	of := &stats.Kinds[len(stats.Kinds)-1]
	if reason == string(jobs.AttemptRunning) {
		of.Running = n
	} else {
		of.Waiting[jobs.WaitReason(reason)] = n
	}
}

// countPool takes in a row about a pool. The rows come by name.
func countPool(stats *jobs.Stats, pool, what, state string, n int, more float64) {
	if last := len(stats.Pools) - 1; last < 0 || stats.Pools[last].Pool != pool {
		stats.Pools = append(stats.Pools, jobs.PoolStats{Pool: pool, Units: map[jobs.UnitState]int{}, Ended: map[jobs.UnitOutcome]int{}})
	}
	of := &stats.Pools[len(stats.Pools)-1]
	switch what {
	case string(jobs.AttemptQueued):
		of.Queued, of.Oldest = n, time.Duration(max(more, 0)*float64(time.Second))
	case string(jobs.AttemptRunning):
		of.Running = n
	case "worker":
		of.Workers, of.Slots = n, int(more)
	case "unit":
		of.Units[jobs.UnitState(state)] = n
	case "started":
		of.Started = n
	case "ended":
		of.Ended[jobs.UnitOutcome(state)] = n
	}
}

// Connections tells how the Store uses its connections.
func (s *Store) Connections() jobs.Connections {
	stat := s.pool.Stat()
	return jobs.Connections{
		Acquired: int(stat.AcquiredConns()), Idle: int(stat.IdleConns()), Max: int(stat.MaxConns()),
		Acquires: stat.AcquireCount(), Waits: stat.EmptyAcquireCount(), Waited: stat.EmptyAcquireWaitTime(),
	}
}
