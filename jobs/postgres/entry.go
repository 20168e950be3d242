package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

const entriesSQL = `SELECT i.id, e.* FROM unnest($1::uuid[], $2::bigint[], $3::bool[]) AS i(id, after, logs) CROSS JOIN LATERAL (
	SELECT seq, attempt, at, type, data, 0::smallint, false, NULL::bytea FROM freshet.task_events e
		WHERE e.task_id = i.id AND e.seq > i.after
	UNION ALL
	SELECT seq, attempt, at, 'task.log', NULL, stream, partial, data FROM freshet.task_logs l
		WHERE i.logs AND l.task_id = i.id AND l.seq > i.after
	ORDER BY seq LIMIT $4) e ORDER BY i.id, e.seq`

// Entries reads tasks without their payloads, and of the same moment what comes after a seq in the one
// sequence of each, at most limit entries of each. Without logs, events only. Tasks that there are no
// more are missing.
func (s *Store) Entries(ctx context.Context, ids []uuid.UUID, afters []int64, logs []bool, limit int) ([]jobs.Task, map[uuid.UUID][]jobs.Entry, error) {
	var tasks []jobs.Task
	entries := map[uuid.UUID][]jobs.Entry{}
	// One round trip and one snapshot: tasks and their entries are of the same moment.
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	s.window.narrow(ctx, batch)
	batch.Queue(`SELECT `+taskColumns+taskTables+`WHERE t.id = ANY ($1)`, ids).Query(func(rows pgx.Rows) error {
		var err error
		tasks, err = collectTasks(rows)
		return err
	})
	batch.Queue(entriesSQL, ids, afters, logs, limit).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, entryRow)
		for _, entry := range all {
			entries[entry.TaskID] = append(entries[entry.TaskID], entry)
		}
		return err
	})
	batch.Queue(`COMMIT`)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, fmt.Errorf("entries of tasks: %w", err)
	}
	return tasks, entries, nil
}

func entryRow(row pgx.CollectableRow) (jobs.Entry, error) {
	var entry jobs.Entry
	var data, output []byte
	err := row.Scan(&entry.TaskID, &entry.Seq, &entry.Attempt, &entry.At, &entry.Type, &data, &entry.Stream, &entry.Partial, &output)
	entry.Data, entry.Bytes = bytes.Clone(data), bytes.Clone(output)
	return entry, err
}

// Heads reads tasks without their payloads, and of one moment with them the events after a seq, for
// those whose seq is not zero. Tasks that there are no more are missing.
func (s *Store) Heads(ctx context.Context, ids []uuid.UUID, afters []int64) ([]jobs.Task, map[uuid.UUID][]jobs.Event, error) {
	var tasks []jobs.Task
	events := map[uuid.UUID][]jobs.Event{}
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	s.window.narrow(ctx, batch)
	batch.Queue(`SELECT `+taskColumns+taskTables+`WHERE t.id = ANY ($1) ORDER BY t.id`, ids).Query(func(rows pgx.Rows) error {
		var err error
		tasks, err = collectTasks(rows)
		return err
	})
	batch.Queue(`SELECT i.id, e.seq, e.attempt, e.at, e.type, e.data FROM unnest($1::uuid[], $2::bigint[]) AS i(id, after)
		CROSS JOIN LATERAL (SELECT * FROM freshet.task_events e WHERE i.after > 0 AND e.task_id = i.id AND e.seq > i.after) e
		ORDER BY i.id, e.seq`, ids, afters).Query(func(rows pgx.Rows) error {
		var event jobs.Event
		var data []byte
		targets := []any{&event.TaskID, &event.Seq, &event.Attempt, &event.At, &event.Type, &data}
		_, err := pgx.ForEachRow(rows, targets, func() error {
			event.Data = bytes.Clone(data)
			events[event.TaskID] = append(events[event.TaskID], event)
			return nil
		})
		return err
	})
	batch.Queue(`COMMIT`)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, fmt.Errorf("heads of tasks: %w", err)
	}
	return tasks, events, nil
}

// Seqs reads the present seq of each of the tasks that there still is.
func (s *Store) Seqs(ctx context.Context, tasks []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, seq FROM freshet.tasks WHERE id = ANY ($1)`, tasks)
	if err != nil {
		return nil, fmt.Errorf("seqs of tasks: %w", err)
	}
	seqs := make(map[uuid.UUID]int64, len(tasks))
	var task uuid.UUID
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&task, &seq}, func() error {
		seqs[task] = seq
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("seqs of tasks: %w", err)
	}
	return seqs, nil
}
