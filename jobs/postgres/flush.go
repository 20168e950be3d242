package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// flushSQL appends records of several attempts' spools. $1 to $7 name the flushes, $8 on the records,
// each with the index of its flush. It applies where the stored count is just what the flush begins
// after; the numbers of the rows follow from the task's sequence under its lock.
const flushSQL = `
WITH input AS MATERIALIZED (
	SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::bigint[], $5::bigint[], $6::int[], $7::text[])
		WITH ORDINALITY AS i(task_id, number, worker_id, flush_from, flush_to, progress, message, flush)
), record AS MATERIALIZED (
	SELECT * FROM unnest($8::bigint[], $9::timestamptz[], $10::text[], $11::text[], $12::smallint[], $13::bool[], $14::bytea[])
		WITH ORDINALITY AS r(flush, at, type, data, stream, partial, bytes, position)
), task AS MATERIALIZED (
	SELECT t.id, i.* FROM freshet.tasks t JOIN input i ON t.id = i.task_id
	ORDER BY t.id FOR UPDATE OF t
), attempt AS MATERIALIZED (
	SELECT task.*, a.flushed_to, a.cancel_requested_at IS NOT NULL AS cancelled
	FROM freshet.attempts a JOIN task ON a.task_id = task.id AND a.number = task.number
	WHERE ` + fenced + `
	ORDER BY a.task_id FOR UPDATE OF a
), fitting AS MATERIALIZED (
	SELECT attempt.*, r.records, r.printed FROM attempt CROSS JOIN LATERAL (
		SELECT count(*) AS records, coalesce(sum(octet_length(bytes)), 0) AS printed FROM record WHERE record.flush = attempt.flush
	) r WHERE flushed_to = flush_from
), counted AS (
	UPDATE freshet.attempts a SET flushed_to = f.flush_to
	FROM fitting f WHERE a.task_id = f.task_id AND a.number = f.number
), moved AS (
	UPDATE freshet.tasks t SET seq = t.seq + f.records, log_bytes = t.log_bytes + f.printed,
		progress = coalesce(f.progress, t.progress), message = coalesce(f.message, t.message)
	FROM fitting f WHERE t.id = f.task_id
	RETURNING t.id, f.flush, f.number, t.seq - f.records AS base
), numbered AS MATERIALIZED (
	SELECT m.id, m.number, r.*, m.base + row_number() OVER (PARTITION BY r.flush ORDER BY r.position) AS seq
	FROM moved m JOIN record r ON r.flush = m.flush
), event AS (
	INSERT INTO freshet.task_events (task_id, seq, attempt, at, type, data)
	SELECT id, seq, number, at, type, data::json FROM numbered WHERE bytes IS NULL
), log AS (
	INSERT INTO freshet.task_logs (task_id, seq, attempt, at, stream, partial, data)
	SELECT id, seq, number, at, stream, partial, bytes FROM numbered WHERE bytes IS NOT NULL
)
SELECT flush, greatest(flushed_to, CASE WHEN flushed_to = flush_from THEN flush_to END), cancelled FROM attempt`

type flushAnswer struct {
	jobs.Flushed
	found bool
}

// Flush appends a piece of an attempt's spool to its task. It answers with the count of records that
// are stored; a flush that was stored before is a success. Errors: jobs.ErrFenced.
func (s *Store) Flush(ctx context.Context, flush jobs.Flush) (jobs.Flushed, error) {
	answer, err := s.flushes.Do(ctx, flush)
	if err == nil && !answer.found {
		err = jobs.ErrFenced
	}
	if err != nil {
		return jobs.Flushed{}, fmt.Errorf("flush attempt %d of task %s: %w", flush.Attempt, flush.TaskID, err)
	}
	return answer.Flushed, nil
}

func (s *Store) flushBatch(ctx context.Context, flushes []jobs.Flush) ([]flushAnswer, error) {
	type flush = jobs.Flush
	index, records := spoolRecords(flushes)
	rows, err := s.pool.Query(ctx, flushSQL,
		column(flushes, func(f flush) uuid.UUID { return f.TaskID }),
		column(flushes, func(f flush) int { return f.Attempt }),
		column(flushes, func(f flush) uuid.UUID { return f.WorkerID }),
		column(flushes, func(f flush) int64 { return f.From }),
		column(flushes, func(f flush) int64 { return f.To }),
		column(flushes, func(f flush) *int { return f.Progress }),
		column(flushes, func(f flush) *string { return f.Message }),
		index,
		column(records, func(r jobs.Record) time.Time { return r.At }),
		column(records, func(r jobs.Record) string { return string(r.Type) }),
		column(records, func(r jobs.Record) *string { return nullJSON(r.Data) }),
		column(records, func(r jobs.Record) int16 { return int16(r.Stream) }),
		column(records, func(r jobs.Record) bool { return r.Partial }),
		column(records, func(r jobs.Record) []byte { return r.Bytes }))
	if err != nil {
		return nil, err
	}
	answers := make([]flushAnswer, len(flushes))
	var at int
	var answer flushAnswer
	_, err = pgx.ForEachRow(rows, []any{&at, &answer.Stored, &answer.CancelRequested}, func() error {
		answer.found = true
		answers[at-1] = answer
		s.notifier.task(flushes[at-1].TaskID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

// spoolRecords lists the records of all flushes with the number of their flush, from 1.
func spoolRecords(flushes []jobs.Flush) (index []int64, records []jobs.Record) {
	for i, flush := range flushes {
		for _, record := range flush.Records {
			index, records = append(index, int64(i+1)), append(records, record)
		}
	}
	return index, records
}
