package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

const scheduleColumns = `s.name, s.owner, s.source, s.kind, s.input, s.tags, s.priority, s.cron, s.timezone, s.missed,
	s.paused_at, s.next_at, s.last_at, s.last_task_id, s.last_error, s.created_at, s.updated_at`

// scheduleRow reads scheduleColumns, and what follows them into more.
func scheduleRow(row pgx.CollectableRow, more ...any) (jobs.Schedule, error) {
	var s jobs.Schedule
	var input []byte
	var task *uuid.UUID
	var failure *string
	err := row.Scan(append([]any{
		&s.Name, &s.Owner, &s.Source, &s.Kind, &input, &s.Tags, &s.Priority, &s.Cron, &s.Timezone, &s.Missed,
		&s.PausedAt, &s.NextAt, &s.LastAt, &task, &failure, &s.CreatedAt, &s.UpdatedAt,
	}, more...)...)
	s.Input = input
	if task != nil {
		s.LastTaskID = *task
	}
	if failure != nil {
		s.LastError = *failure
	}
	return s, err
}

// Now is the time by the database's clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := s.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return now, fmt.Errorf("time of the database: %w", err)
	}
	return now, nil
}

// Schedules lists an owner's schedules by name; everybody's when the owner is empty.
func (s *Store) Schedules(ctx context.Context, owner string) ([]jobs.Schedule, error) {
	rows, err := s.window.Query(ctx, `SELECT `+scheduleColumns+` FROM freshet.schedules s
		WHERE $1 = '' OR s.owner = $1 ORDER BY s.name`, owner)
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	schedules, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Schedule, error) { return scheduleRow(row) })
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	return schedules, nil
}

// Schedule reads a schedule. Errors: jobs.ErrNotFound.
func (s *Store) Schedule(ctx context.Context, name string) (jobs.Schedule, error) {
	schedule, err := readSchedule(ctx, s.window, `SELECT `+scheduleColumns+` FROM freshet.schedules s WHERE s.name = $1`, name)
	if err != nil {
		return jobs.Schedule{}, fmt.Errorf("schedule %s: %w", name, err)
	}
	return schedule, nil
}

func readSchedule(ctx context.Context, db querier, sql, name string, more ...any) (jobs.Schedule, error) {
	rows, err := db.Query(ctx, sql, name)
	if err != nil {
		return jobs.Schedule{}, err
	}
	schedule, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (jobs.Schedule, error) {
		return scheduleRow(row, more...)
	})
	return schedule, noRows(err)
}

// CreateSchedule stores a new schedule of the API's. Errors: jobs.ErrExists.
func (s *Store) CreateSchedule(ctx context.Context, made jobs.Schedule) error {
	tag, err := s.pool.Exec(ctx, `INSERT INTO freshet.schedules
			(name, owner, source, kind, input, tags, priority, cron, timezone, missed, next_at)
		VALUES ($1, $2, 'api', $3, $4::text::json, $5::text::text[], $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		made.Name, made.Owner, made.Kind, string(made.Input), textArray(made.Tags), string(made.Priority), made.Cron, made.Timezone,
		string(made.Missed), made.NextAt)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrExists
	}
	if err != nil {
		return fmt.Errorf("create schedule %s: %w", made.Name, err)
	}
	s.notifier.control()
	return nil
}

// ChangeSchedule changes how a schedule is defined, whether it is paused, and when it is due. change is
// called under the schedule's lock, with the database's time, and must be quick; its error changes
// nothing. Errors: jobs.ErrNotFound, and that of change.
func (s *Store) ChangeSchedule(ctx context.Context, name string, change func(schedule *jobs.Schedule, now time.Time) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var now time.Time
		schedule, err := readSchedule(ctx, tx, `SELECT `+scheduleColumns+`, clock_timestamp() FROM freshet.schedules s
			WHERE s.name = $1 FOR UPDATE`, name, &now)
		if err != nil {
			return err
		}
		if err := change(&schedule, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE freshet.schedules SET kind = $2, input = $3::text::json, tags = $4::text::text[], priority = $5,
			cron = $6, timezone = $7, missed = $8, paused_at = $9, next_at = $10, updated_at = clock_timestamp() WHERE name = $1`,
			name, schedule.Kind, string(schedule.Input), textArray(schedule.Tags), string(schedule.Priority),
			schedule.Cron, schedule.Timezone, string(schedule.Missed), schedule.PausedAt, schedule.NextAt)
		return err
	})
	if err != nil {
		return fmt.Errorf("change schedule %s: %w", name, err)
	}
	s.notifier.control()
	return nil
}

// RemoveSchedule forgets a schedule that an owner made with the API. Errors: jobs.ErrNotFound.
func (s *Store) RemoveSchedule(ctx context.Context, name, owner string) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM freshet.schedules WHERE name = $1 AND owner = $2 AND source = 'api'`, name, owner)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove schedule %s: %w", name, err)
	}
	return nil
}

// syncSchedulesSQL locks in one order, whatever the files of two replicas say.
const syncSchedulesSQL = `
WITH input AS (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
		$10::timestamptz[]) AS i(name, owner, kind, input, tags, priority, cron, timezone, missed, next_at)
), locked AS MATERIALIZED (
	SELECT name FROM freshet.schedules WHERE source = 'file' ORDER BY name FOR UPDATE
), gone AS (
	DELETE FROM freshet.schedules s USING locked WHERE s.name = locked.name AND s.name <> ALL ($1)
), kept AS (
	INSERT INTO freshet.schedules AS s (name, owner, source, kind, input, tags, priority, cron, timezone, missed, next_at)
	SELECT name, owner, 'file', kind, input::json, tags::text[], priority, cron, timezone, missed, next_at
	FROM input WHERE (SELECT count(*) FROM locked) >= 0 ORDER BY name
	ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, kind = excluded.kind, input = excluded.input, tags = excluded.tags,
		priority = excluded.priority, cron = excluded.cron, timezone = excluded.timezone, missed = excluded.missed,
		next_at = CASE WHEN (s.cron, s.timezone) = (excluded.cron, excluded.timezone) THEN s.next_at ELSE excluded.next_at END,
		updated_at = clock_timestamp()
	WHERE s.source = 'file' AND
		(s.owner, s.kind, s.input::text, s.tags, s.priority, s.cron, s.timezone, s.missed) IS DISTINCT FROM
		(excluded.owner, excluded.kind, excluded.input::text, excluded.tags, excluded.priority, excluded.cron, excluded.timezone, excluded.missed)
)
SELECT name FROM freshet.schedules WHERE source = 'api' AND name = ANY ($1) ORDER BY name`

// SyncSchedules makes the given schedules those of freshet.yaml, and forgets those that were before. What
// was paused stays so, and what keeps its times stays due. The names that it answers belong to schedules
// of the API's: those of the file are not in force.
func (s *Store) SyncSchedules(ctx context.Context, schedules []jobs.Schedule) (taken []string, err error) {
	type one = jobs.Schedule
	rows, err := s.pool.Query(ctx, syncSchedulesSQL,
		column(schedules, func(s one) string { return s.Name }),
		column(schedules, func(s one) string { return s.Owner }),
		column(schedules, func(s one) string { return s.Kind }),
		column(schedules, func(s one) string { return string(s.Input) }),
		column(schedules, func(s one) string { return textArray(s.Tags) }),
		column(schedules, func(s one) string { return string(s.Priority) }),
		column(schedules, func(s one) string { return s.Cron }),
		column(schedules, func(s one) string { return s.Timezone }),
		column(schedules, func(s one) string { return string(s.Missed) }),
		column(schedules, func(s one) time.Time { return s.NextAt }))
	if err != nil {
		return nil, fmt.Errorf("sync schedules: %w", err)
	}
	if taken, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, fmt.Errorf("sync schedules: %w", err)
	}
	s.notifier.control()
	return taken, nil
}
