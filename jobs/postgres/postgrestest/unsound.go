package postgrestest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// neverSQL counts what is in no database of Freshet's at any time, whatever happens to its processes.
func neverSQL() map[string]string {
	return map[string]string{
		"sequences with gaps or doubles": `SELECT count(*) FROM freshet.tasks t WHERE t.seq <> (
				SELECT count(DISTINCT seq) FROM (SELECT seq FROM freshet.task_events e WHERE e.task_id = t.id
					UNION ALL SELECT seq FROM freshet.task_logs l WHERE l.task_id = t.id) s WHERE seq BETWEEN 1 AND t.seq)
			OR t.seq <> (SELECT (SELECT count(*) FROM freshet.task_events e WHERE e.task_id = t.id)
				+ (SELECT count(*) FROM freshet.task_logs l WHERE l.task_id = t.id))`,
		"tasks with more than one attempt alive": `SELECT count(*) FROM (SELECT task_id FROM freshet.attempts
			WHERE state <> 'ended' GROUP BY task_id HAVING count(*) > 1) x`,
		"tasks whose state is not their attempt's": `SELECT count(*) FROM freshet.tasks t JOIN freshet.attempts a
			ON a.task_id = t.id AND a.number = t.attempt WHERE (t.state, a.state) NOT IN
			(('pending', 'held'), ('pending', 'queued'), ('running', 'running'), ('completed', 'ended'), ('failed', 'ended'), ('cancelled', 'ended'))`,
		"attempts without their River job, or jobs without attempt": `SELECT count(*) FROM
			(SELECT river_job_id FROM freshet.attempts WHERE state IN ('queued', 'running')) a
			FULL JOIN river.river_job j ON j.id = a.river_job_id WHERE j.id IS NULL OR a.river_job_id IS NULL`,
		"tasks whose bytes are miscounted": `SELECT count(*) FROM freshet.tasks t JOIN freshet.task_payloads p ON p.task_id = t.id
			WHERE t.input_bytes > 0 AND (t.input_bytes, t.output_bytes, t.log_bytes, t.artifact_bytes) <> (
				octet_length(p.input::text), coalesce(octet_length(p.output::text), 0),
				(SELECT coalesce(sum(octet_length(data)), 0) FROM freshet.task_logs l WHERE l.task_id = t.id),
				(SELECT coalesce(sum(size), 0) FROM freshet.artifacts a WHERE a.task_id = t.id))`,
		"tasks that ended twice in one run": `SELECT count(*) FROM (
			SELECT e.task_id, a.run FROM freshet.task_events e
			JOIN freshet.attempts a ON a.task_id = e.task_id AND a.number = e.attempt
			WHERE e.type IN ('task.completed', 'task.failed', 'task.cancelled')
			GROUP BY e.task_id, a.run HAVING count(*) > 1) x`,
		"tasks whose attempts are not numbered from 1 up": `SELECT count(*) FROM freshet.tasks t WHERE t.attempt <> ALL (
			SELECT unnest(ARRAY[count(*), max(number)]) FROM freshet.attempts a WHERE a.task_id = t.id)`,
		"attempts that began before the one before had ended": `SELECT count(*) FROM freshet.attempts a
			JOIN freshet.attempts b ON b.task_id = a.task_id AND b.number = a.number + 1
			WHERE a.ended_at IS NULL OR b.started_at < a.ended_at`,
		"attempts whose progress falls": `SELECT count(*) FROM (SELECT (data->>'progress')::int
				< lag((data->>'progress')::int) OVER (PARTITION BY task_id, attempt ORDER BY seq) AS falls
			FROM freshet.task_events WHERE type = 'task.progress') x WHERE falls`,
	}
}

// Unsound lists in words what a database holds that it must never hold. It is empty for a sound one.
func Unsound(ctx context.Context, database interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
},
) ([]string, error) {
	var wrong []string
	never := neverSQL()
	for _, what := range slices.Sorted(maps.Keys(never)) {
		var found int
		if err := database.QueryRow(ctx, never[what]).Scan(&found); err != nil {
			return nil, fmt.Errorf("count %s: %w", what, err)
		}
		if found > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", found, what))
		}
	}
	return wrong, nil
}
