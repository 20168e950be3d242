package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

const dueSchedulesSQL = `SELECT ` + scheduleColumns + `, clock_timestamp(), k.current_hash, r.spec
	FROM freshet.schedules s
	LEFT JOIN freshet.kinds k ON k.name = s.kind AND k.retired_at IS NULL
	LEFT JOIN freshet.kind_revisions r ON r.name = k.name AND r.hash = k.current_hash
	WHERE s.paused_at IS NULL AND s.next_at <= clock_timestamp() AND NOT ` + inMaintenance + `
	ORDER BY s.next_at, s.name LIMIT $1 FOR UPDATE OF s SKIP LOCKED`

const tickedSQL = `UPDATE freshet.schedules s SET next_at = i.next_at, last_at = coalesce(i.at, s.last_at),
		last_task_id = CASE WHEN i.at IS NULL THEN s.last_task_id ELSE i.task_id END,
		last_error = CASE WHEN i.at IS NULL THEN s.last_error ELSE i.error END
	FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::text[]) AS i(name, next_at, at, task_id, error)
	WHERE s.name = i.name`

// Tick has plan decide what becomes of schedules that are due and that nobody else has, at most limit of
// them, and stores the tasks and when each is due again in one transaction: whatever dies on the way, and
// however many do this at once, a due time makes what plan says exactly once. It tells how many there were:
// none in a maintenance. plan is called under the schedules' locks, and must be quick.
func (s *Store) Tick(ctx context.Context, limit int, plan func(jobs.DueSchedule) jobs.Tick) (int, error) {
	var ticks []jobs.Tick
	var submissions []jobs.Submission
	var fresh map[uuid.UUID]stored
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, dueSchedulesSQL, limit)
		if err != nil {
			return err
		}
		due, err := pgx.CollectRows(rows, dueRow)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, schedule := range due {
			tick := plan(schedule)
			ticks = append(ticks, tick)
			if tick.Submission != nil {
				submissions = append(submissions, *tick.Submission)
			}
		}
		if fresh, err = insertTasks(ctx, tx, submissions); err != nil {
			return err
		}
		return storeTicks(ctx, tx, due, ticks)
	})
	if err != nil {
		return 0, fmt.Errorf("tick: %w", err)
	}
	s.announce(submissions, fresh)
	return len(ticks), nil
}

func dueRow(row pgx.CollectableRow) (jobs.DueSchedule, error) {
	var due jobs.DueSchedule
	var revision *string
	var spec []byte
	var err error
	if due.Schedule, err = scheduleRow(row, &due.Now, &revision, &spec); err != nil || revision == nil {
		return due, err
	}
	due.Target = &jobs.KindStatus{Revision: *revision}
	return due, json.Unmarshal(spec, &due.Target.Kind)
}

func storeTicks(ctx context.Context, tx pgx.Tx, due []jobs.DueSchedule, ticks []jobs.Tick) error {
	_, err := tx.Exec(ctx, tickedSQL,
		column(due, func(d jobs.DueSchedule) string { return d.Name }),
		column(ticks, func(t jobs.Tick) time.Time { return t.NextAt }),
		column(ticks, func(t jobs.Tick) *time.Time { return t.At }),
		column(ticks, func(t jobs.Tick) *uuid.UUID {
			if t.Submission == nil {
				return nil
			}
			return &t.Submission.ID
		}),
		column(ticks, func(t jobs.Tick) *string { return nullText(t.Error) }))
	return err
}

// NextTick is how long it is until a schedule is due: zero or less when one is now, false when none will
// be, or not before a maintenance ends.
func (s *Store) NextTick(ctx context.Context) (time.Duration, bool, error) {
	var micros *int64
	err := s.pool.QueryRow(ctx, `SELECT (extract(epoch FROM min(next_at) - clock_timestamp()) * 1000000)::bigint
		FROM freshet.schedules WHERE paused_at IS NULL AND NOT `+inMaintenance).Scan(&micros)
	if err != nil {
		return 0, false, fmt.Errorf("next tick: %w", err)
	}
	if micros == nil {
		return 0, false, nil
	}
	return time.Duration(*micros) * time.Microsecond, true, nil
}
