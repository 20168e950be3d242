package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// removeOldSQL leaves events and logs to DropDays, which does it by the day.
const removeOldSQL = `
WITH task AS MATERIALIZED (
	SELECT id, owner, idempotency_key FROM freshet.tasks
	WHERE id < $1 AND state IN ('completed', 'failed', 'cancelled') AND ended_at < $2
	ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
), payload AS (
	DELETE FROM freshet.task_payloads p USING task WHERE p.task_id = task.id
), attempt AS (
	DELETE FROM freshet.attempts a USING task WHERE a.task_id = task.id
), artifact AS (
	DELETE FROM freshet.artifacts a USING task WHERE a.task_id = task.id
), delivery AS (
	DELETE FROM freshet.deliveries d USING task WHERE d.task_id = task.id
), key AS (
	DELETE FROM freshet.idempotency_keys k USING task
	WHERE k.owner = task.owner AND k.key = task.idempotency_key AND k.task_id = task.id
)
DELETE FROM freshet.tasks t USING task WHERE t.id = task.id`

// RemoveOld deletes tasks that ended longer than age ago, at most limit of them, and tells how many.
func (s *Store) RemoveOld(ctx context.Context, age time.Duration, limit int) (int, error) {
	before := time.Now().Add(-age)
	tag, err := s.pool.Exec(ctx, removeOldSQL, firstID(before), before, limit)
	if err != nil {
		return 0, fmt.Errorf("remove old tasks: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

const removeOldArtifactsSQL = `
WITH task AS MATERIALIZED (
	SELECT t.id FROM freshet.tasks t
	WHERE t.id < $1 AND t.state IN ('completed', 'failed', 'cancelled') AND t.ended_at < $2
		AND EXISTS (SELECT FROM freshet.artifacts a WHERE a.task_id = t.id)
	ORDER BY t.id LIMIT $3 FOR UPDATE SKIP LOCKED
), gone AS (
	DELETE FROM freshet.artifacts a USING task WHERE a.task_id = task.id
), counted AS (
	UPDATE freshet.tasks t SET artifact_bytes = 0 FROM task WHERE t.id = task.id
)
SELECT count(*) FROM task`

// RemoveOldArtifacts deletes the files of tasks that ended longer than age ago, of at most limit tasks, and
// tells of how many.
func (s *Store) RemoveOldArtifacts(ctx context.Context, age time.Duration, limit int) (int, error) {
	before := time.Now().Add(-age)
	removed := 0
	err := s.pool.QueryRow(ctx, removeOldArtifactsSQL, firstID(before), before, limit).Scan(&removed)
	if err != nil {
		return 0, fmt.Errorf("remove old artifacts: %w", err)
	}
	return removed, nil
}

// DropLogs drops the days of output all of whose tasks ended longer than age ago, and tells how many.
func (s *Store) DropLogs(ctx context.Context, age time.Duration) (int, error) {
	before := time.Now().Add(-age)
	return s.dropDays(ctx, "task_logs", before, `SELECT EXISTS (SELECT FROM freshet.tasks WHERE id >= $1 AND id < $2
		AND (state NOT IN ('completed', 'failed', 'cancelled') OR ended_at >= $3))`, before)
}

// DropDays drops the days of events and output of which no task is left, and tells how many. What is in
// no day's partition and has no task is deleted row by row.
func (s *Store) DropDays(ctx context.Context) (int, error) {
	const kept = `SELECT EXISTS (SELECT FROM freshet.tasks WHERE id >= $1 AND id < $2)`
	dropped := 0
	for _, table := range []string{"task_events", "task_logs"} {
		days, err := s.dropDays(ctx, table, time.Now(), kept)
		if err != nil {
			return dropped, err
		}
		dropped += days
		_, err = s.pool.Exec(ctx, `DELETE FROM freshet.`+table+`_default d
			WHERE NOT EXISTS (SELECT FROM freshet.tasks t WHERE t.id = d.task_id)`)
		if err != nil {
			return dropped, fmt.Errorf("remove strays of %s: %w", table, err)
		}
	}
	return dropped, nil
}

// uncountLogs has what the tasks of a day printed count no more. It comes before the drop: were it after, and
// did this process die in between, they would count for as long as the tasks are kept.
func (s *Store) uncountLogs(ctx context.Context, bounds []any) error {
	const tasks = 5000
	for changed := int64(tasks); changed == tasks; {
		tag, err := s.pool.Exec(ctx, `WITH task AS MATERIALIZED (
				SELECT id FROM freshet.tasks WHERE id >= $1 AND id < $2 AND log_bytes > 0 ORDER BY id LIMIT $3 FOR UPDATE
			) UPDATE freshet.tasks t SET log_bytes = 0 FROM task WHERE t.id = task.id`, append(bounds, tasks)...)
		if err != nil {
			return fmt.Errorf("uncount what tasks printed: %w", err)
		}
		changed = tag.RowsAffected()
	}
	return nil
}

// dropDays drops the partitions of whole days before a time of which the query keeps says false. Its
// first arguments are the first id of the day and that of the next. A drop waits only a moment for its lock:
// what was not dropped is the next time.
func (s *Store) dropDays(ctx context.Context, table string, before time.Time, keeps string, arguments ...any) (int, error) {
	rows, err := s.pool.Query(ctx, `SELECT right(c.relname, 8) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = to_regclass($1) AND c.relname ~ '_[0-9]{8}$' ORDER BY c.relname`, "freshet."+table)
	if err != nil {
		return 0, fmt.Errorf("list the days of %s: %w", table, err)
	}
	days, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("list the days of %s: %w", table, err)
	}
	dropped := 0
	for _, name := range days {
		day, err := time.Parse("20060102", name)
		if err != nil || day.AddDate(0, 0, 1).After(before) {
			continue
		}
		var kept bool
		bounds := []any{firstID(day), firstID(day.AddDate(0, 0, 1))}
		if err := s.pool.QueryRow(ctx, keeps, append(bounds, arguments...)...).Scan(&kept); err != nil {
			return dropped, fmt.Errorf("look at day %s of %s: %w", name, table, err)
		}
		if kept {
			continue
		}
		if table == "task_logs" {
			if err := s.uncountLogs(ctx, bounds); err != nil {
				return dropped, err
			}
		}
		if _, err = s.pool.Exec(ctx, `SELECT freshet.drop_day($1, $2)`, table, day); err != nil {
			return dropped, fmt.Errorf("drop day %s of %s: %w", name, table, err)
		}
		dropped++
	}
	return dropped, nil
}
