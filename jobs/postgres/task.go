package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// taskColumns are what taskRow scans, of tasks t, its current attempt a, and its payload p. Why a task
// waits is worked out when it is read, so that it is true even where nothing was written since.
const taskColumns = `t.id, t.owner, t.kind, t.kind_hash, t.pool, t.state, t.run, t.attempt, t.tries, t.max_tries, t.seq,
	t.priority, t.tags, t.metadata, t.timeout_ms, t.rerun_of, t.progress, t.message, t.failure, t.usage,
	t.created_at, t.scheduled_at, t.started_at, t.ended_at, t.cancel_requested_at,
	coalesce(t.webhook_url, ''), coalesce(t.webhook_key, ''),
	CASE WHEN t.state <> 'pending' THEN NULL
		WHEN a.due_at > clock_timestamp() THEN a.hold
		WHEN EXISTS (SELECT FROM freshet.kinds k WHERE k.name = t.kind AND k.paused_at IS NOT NULL)
			OR EXISTS (SELECT FROM freshet.pools o WHERE o.name = t.pool AND o.paused_at IS NOT NULL)
			OR ` + inMaintenance + ` THEN 'paused'
		WHEN EXISTS (SELECT FROM freshet.kinds k WHERE k.name = t.kind AND ` + blocked + `) THEN 'credential_hold'
		WHEN NOT ` + knower + ` THEN CASE WHEN ` + starting + ` IS NOT NULL OR a.state = 'queued' AND ` + willStart + ` THEN 'starting_worker' ELSE 'no_worker' END
		WHEN a.limited AND a.state = 'held' AND (SELECT count(*) FROM freshet.attempts x
			WHERE x.limited AND x.state IN ('queued', 'running') AND x.kind = a.kind AND x.owner = a.owner) >= (SELECT k.max_per_owner FROM freshet.kinds k WHERE k.name = a.kind) THEN 'owner_limit'
		WHEN a.limited AND a.state = 'held' AND freshet.active(a.kind) >= (SELECT k.max_total FROM freshet.kinds k WHERE k.name = a.kind) THEN 'kind_limit'
		ELSE 'queued' END,
	CASE WHEN t.state = 'pending' AND a.state = 'queued' AND NOT ` + knower + ` THEN coalesce(` + starting + `, a.since) ELSE a.since END,
	CASE WHEN t.state <> 'pending' THEN NULL WHEN a.due_at > clock_timestamp() THEN a.due_at ELSE (SELECT c.held_until
		FROM freshet.kinds k JOIN freshet.credentials c ON c.name = k.credential WHERE k.name = t.kind AND c.held_until > clock_timestamp()) END`

// starting is since when a worker of an attempt's pool is being started; null: none is.
const starting = `(SELECT min(u.created_at) FROM freshet.fleet_units u WHERE u.pool = a.pool AND u.state IN ('intended', 'starting'))`

// willStart tells whether a worker of an attempt's pool is as good as ordered: the next look at the pool, which its submit
// has asked for, does so.
const willStart = `EXISTS (SELECT FROM freshet.pools o WHERE o.name = a.pool AND o.retired_at IS NULL AND o.managed AND NOT o.held_back
	AND (SELECT count(*) FROM freshet.fleet_units u WHERE u.pool = o.name AND u.state <> 'ended') < o.max_units)`

const taskTables = ` FROM freshet.tasks t JOIN freshet.attempts a ON a.task_id = t.id AND a.number = t.attempt `

// Task reads one task, whole. Errors: jobs.ErrNotFound.
func (s *Store) Task(ctx context.Context, id uuid.UUID) (jobs.Task, error) {
	var row taskRow
	err := s.window.QueryRow(ctx, `SELECT `+taskColumns+`, p.input, p.output`+taskTables+
		`JOIN freshet.task_payloads p ON p.task_id = t.id WHERE t.id = $1`, id).
		Scan(append(row.targets(), &row.task.Input, &row.task.Output)...)
	if err = noRows(err); err != nil {
		return jobs.Task{}, fmt.Errorf("task %s: %w", id, err)
	}
	return row.result()
}

// Head reads one task without its payload. Errors: jobs.ErrNotFound.
func (s *Store) Head(ctx context.Context, id uuid.UUID) (jobs.Task, error) {
	var row taskRow
	err := s.window.QueryRow(ctx, `SELECT `+taskColumns+taskTables+`WHERE t.id = $1`, id).Scan(row.targets()...)
	if err = noRows(err); err != nil {
		return jobs.Task{}, fmt.Errorf("task %s: %w", id, err)
	}
	return row.result()
}

// Tasks lists tasks, newest first, without their payloads: those that the filter lets through and that
// are older than before, which is zero for the first page.
func (s *Store) Tasks(ctx context.Context, filter jobs.TaskFilter, before uuid.UUID, limit int) ([]jobs.Task, error) {
	where, arguments := listConditions(filter, before)
	arguments = append(arguments, limit)
	rows, err := s.window.Query(ctx, fmt.Sprintf(`SELECT %s %s WHERE %s ORDER BY t.id DESC LIMIT $%d`,
		taskColumns, taskTables, where, len(arguments)), arguments...)
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	tasks, err := collectTasks(rows)
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	return tasks, nil
}

func collectTasks(rows pgx.Rows) ([]jobs.Task, error) {
	var tasks []jobs.Task
	var row taskRow
	_, err := pgx.ForEachRow(rows, row.targets(), func() error {
		task, err := row.result()
		tasks = append(tasks, task)
		row = taskRow{}
		return err
	})
	return tasks, err
}

// listConditions names only what is asked for, so that each kind of list has a plan of its own.
func listConditions(filter jobs.TaskFilter, before uuid.UUID) (where string, arguments []any) {
	conditions := []string{"true"}
	add := func(condition string, argument any) {
		arguments = append(arguments, argument)
		conditions = append(conditions, fmt.Sprintf(condition, len(arguments)))
	}
	if filter.Owner != "" {
		add("t.owner = $%d", filter.Owner)
	}
	if filter.Kind != "" {
		add("t.kind = $%d", filter.Kind)
	}
	if filter.State != "" {
		add("t.state = $%d", string(filter.State))
		if !filter.State.Ended() { // the few that are alive have an index
			conditions = append(conditions, "a.state <> 'ended'")
		}
	}
	if filter.Tag != "" {
		add("$%d = ANY (t.tags)", filter.Tag)
	}
	if !filter.CreatedAfter.IsZero() {
		add("t.id >= $%d", firstID(filter.CreatedAfter))
	}
	if !filter.CreatedBefore.IsZero() {
		add("t.id < $%d", firstID(filter.CreatedBefore))
	}
	if before != uuid.Nil {
		add("t.id < $%d", before)
	}
	return strings.Join(conditions, " AND "), arguments
}

// firstID is the smallest UUIDv7 of a millisecond.
func firstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	millis := max(at.UnixMilli(), 0)
	for i := range 6 {
		id[i] = byte(millis >> (40 - 8*i))
	}
	return id
}

// firstTime is the time that an id tells, to the millisecond.
func firstTime(id uuid.UUID) time.Time {
	var millis int64
	for _, b := range id[:6] {
		millis = millis<<8 | int64(b)
	}
	return time.UnixMilli(millis)
}

// taskRow is where one row of taskColumns is scanned to.
type taskRow struct {
	task           jobs.Task
	timeout        *int64
	rerunOf        *uuid.UUID
	message        *string
	failure, usage []byte
	metadata       []byte
	reason         *string
	since          time.Time
	until          *time.Time
}

func (r *taskRow) targets() []any {
	t := &r.task
	return []any{
		&t.ID, &t.Owner, &t.Kind, &t.KindHash, &t.Pool, &t.State, &t.Run, &t.Attempt, &t.Tries, &t.MaxTries, &t.Seq,
		&t.Priority, &t.Tags, &r.metadata, &r.timeout, &r.rerunOf, &t.Progress, &r.message, &r.failure, &r.usage,
		&t.CreatedAt, &t.ScheduledAt, &t.StartedAt, &t.EndedAt, &t.CancelRequestedAt,
		&t.Webhook.URL, &t.Webhook.Key,
		&r.reason, &r.since, &r.until,
	}
}

func (r *taskRow) result() (jobs.Task, error) {
	task := r.task
	task.Timeout = fromMillis(r.timeout)
	if r.metadata != nil {
		task.Metadata = json.RawMessage(append([]byte(nil), r.metadata...))
	}
	if r.rerunOf != nil {
		task.RerunOf = *r.rerunOf
	}
	if r.message != nil {
		task.Message = *r.message
	}
	if r.reason != nil {
		task.Wait = &jobs.Wait{Reason: jobs.WaitReason(*r.reason), Since: r.since, Until: r.until}
	}
	var err error
	if task.Failure, err = fromJSON[jobs.Failure](r.failure); err != nil {
		return task, fmt.Errorf("failure of task %s: %w", task.ID, err)
	}
	if task.Usage, err = fromJSON[jobs.Usage](r.usage); err != nil {
		return task, fmt.Errorf("usage of task %s: %w", task.ID, err)
	}
	return task, nil
}
