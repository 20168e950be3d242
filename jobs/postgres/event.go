package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// Events reads the events of a task that come after a seq, at most limit of them, in order.
func (s *Store) Events(ctx context.Context, task uuid.UUID, after int64, limit int) ([]jobs.Event, error) {
	rows, err := s.window.Query(ctx, `SELECT seq, attempt, at, type, data FROM freshet.task_events
		WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, task, after, limit)
	if err != nil {
		return nil, fmt.Errorf("events of task %s: %w", task, err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.Event, error) {
		event := jobs.Event{TaskID: task}
		var data []byte
		err := row.Scan(&event.Seq, &event.Attempt, &event.At, &event.Type, &data)
		event.Data = bytes.Clone(data)
		return event, err
	})
	if err != nil {
		return nil, fmt.Errorf("events of task %s: %w", task, err)
	}
	return events, nil
}

// Logs reads chunks of a task's output in order: those after a seq, or the last lines.
func (s *Store) Logs(ctx context.Context, task uuid.UUID, filter jobs.LogFilter) ([]jobs.LogChunk, error) {
	var chunks []jobs.LogChunk
	var err error
	if filter.Tail > 0 {
		chunks, err = s.lastLogs(ctx, task, filter)
	} else {
		chunks, err = s.readLogs(ctx, task, filter, `AND seq > $2 ORDER BY seq`, filter.After)
	}
	if err != nil {
		return nil, fmt.Errorf("logs of task %s: %w", task, err)
	}
	return chunks, nil
}

// lastLogs reads backwards until it has seen the end of the line before the last lines, since those may
// begin in an earlier chunk than they end in, and cuts what is before.
func (s *Store) lastLogs(ctx context.Context, task uuid.UUID, filter jobs.LogFilter) ([]jobs.LogChunk, error) {
	var chunks []jobs.LogChunk
	lines, before := 0, int64(1)<<62
	for lines <= filter.Tail && len(chunks) < filter.Limit {
		older, err := s.readLogs(ctx, task, filter, `AND seq < $2 AND seq > $5 ORDER BY seq DESC`, before, filter.After)
		if err != nil {
			return nil, err
		}
		if len(older) == 0 {
			break
		}
		for _, chunk := range older {
			chunks, before = append(chunks, chunk), chunk.Seq
			if lines += chunkLines(chunk); lines > filter.Tail || len(chunks) == filter.Limit {
				break
			}
		}
	}
	if lines > filter.Tail {
		first := &chunks[len(chunks)-1]
		if first.Bytes = skipLines(first.Bytes, lines-filter.Tail); len(first.Bytes) == 0 {
			chunks = chunks[:len(chunks)-1]
		}
	}
	slices.Reverse(chunks)
	return chunks, nil
}

// lookBack is how many chunks of output are read at once to find where the last lines begin.
const lookBack = 64

// LastLines finds where the last lines of a task's output begin: the first chunk of them, without what
// is before them in it. A zero seq is that there are no more lines than that.
func (s *Store) LastLines(ctx context.Context, task uuid.UUID, lines int) (jobs.Entry, error) {
	first, seen, seq := jobs.LogChunk{}, 0, int64(1)<<62
	for seen <= lines {
		older, err := s.readLogs(ctx, task, jobs.LogFilter{Limit: lookBack}, `AND seq < $2 ORDER BY seq DESC`, seq)
		if err != nil {
			return jobs.Entry{}, fmt.Errorf("last lines of task %s: %w", task, err)
		}
		if len(older) == 0 {
			return jobs.Entry{}, nil
		}
		for _, chunk := range older {
			seq = chunk.Seq
			if seen += chunkLines(chunk); seen <= lines {
				first = chunk
				continue
			}
			if rest := skipLines(chunk.Bytes, seen-lines); len(rest) > 0 {
				first = chunk
				first.Bytes = rest
			}
			break
		}
	}
	return jobs.Entry{
		Event:  jobs.Event{TaskID: task, Seq: first.Seq, Attempt: first.Attempt, At: first.At, Type: jobs.TaskLog},
		Stream: first.Stream, Partial: first.Partial, Bytes: first.Bytes,
	}, nil
}

// chunkLines counts the lines that end in a chunk; the last line of a stream may end without a newline.
func chunkLines(chunk jobs.LogChunk) int {
	lines := bytes.Count(chunk.Bytes, []byte{'\n'})
	if !bytes.HasSuffix(chunk.Bytes, []byte{'\n'}) && !chunk.Partial {
		lines++
	}
	return lines
}

func skipLines(text []byte, lines int) []byte {
	for range lines {
		_, text, _ = bytes.Cut(text, []byte{'\n'})
	}
	return text
}

func (s *Store) readLogs(ctx context.Context, task uuid.UUID, filter jobs.LogFilter, rest string, bounds ...any) ([]jobs.LogChunk, error) {
	arguments := append([]any{task, bounds[0], filter.Attempt, filter.Limit}, bounds[1:]...)
	rows, err := s.window.Query(ctx, `SELECT seq, attempt, at, stream, partial, data FROM freshet.task_logs
		WHERE task_id = $1 AND ($3 = 0 OR attempt = $3) `+rest+` LIMIT $4`, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.LogChunk, error) {
		chunk := jobs.LogChunk{TaskID: task}
		var data []byte
		err := row.Scan(&chunk.Seq, &chunk.Attempt, &chunk.At, &chunk.Stream, &chunk.Partial, &data)
		chunk.Bytes = bytes.Clone(data)
		return chunk, err
	})
}
