package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/realtime"
)

func (s *Server) streamRoutes(r *routes) {
	handle(r, operation{
		id: "stream-task", method: http.MethodGet, path: "/v1/tasks/{id}/stream", tag: "history", scope: jobs.ScopeRead, browser: true,
		summary: "Follow a task live",
		detail: "Server-sent events. The first is task.snapshot, with the task; then comes everything that happened, from the " +
			"beginning or from after Last-Event-ID, each with its seq as id; the last is end. A stream that breaks off before " +
			"is to be opened again with the last id.",
		long: true, content: map[string]reflect.Type{streamType: nil},
		also:    map[int]string{http.StatusNoContent: "The task has ended and all of it is known: there is nothing to wait for."},
		refuses: []code{codeTooManyStreams},
	}, s.streamTask)
}

type streamInput struct {
	ID          string `path:"id" doc:"Id of the task."`
	LastEventID string `header:"Last-Event-ID" doc:"The last id that is known; goes before after."`
	After       int64  `query:"after" minimum:"0" doc:"The last seq that is known."`
	Include     string `query:"include" enum:"logs" doc:"logs: what the task prints, as task.log."`
	Tail        int    `query:"tail" minimum:"0" maximum:"10000" doc:"Of the output there is, only the last so many lines. A reader that comes back is sent all since."`
}

// cursor is what the reader knows already.
func (in *streamInput) cursor() (int64, error) {
	if in.LastEventID == "" {
		return in.After, nil
	}
	seq, err := strconv.ParseInt(in.LastEventID, 10, 64)
	if err != nil || seq < 0 || strconv.FormatInt(seq, 10) != in.LastEventID {
		return 0, newProblem(codeInvalidParameter, "", fault{"/header/Last-Event-ID", "format", "must be a seq that the stream gave"})
	}
	return seq, nil
}

func (s *Server) streamTask(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	task, err := s.owned(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := in.cursor()
	if err != nil {
		return nil, err
	}
	if task.State.Ended() && after >= task.Seq {
		return &huma.StreamResponse{Body: func(answer huma.Context) { answer.SetStatus(http.StatusNoContent) }}, nil
	}
	f := &follower{task: task.ID, cursor: min(after, task.Seq), logs: in.Include == "logs"} // not past a seq that there never was
	if f.logs && in.Tail > 0 && after == 0 {
		if err := s.tail(ctx, f, in.Tail); err != nil {
			return nil, err
		}
	}
	if f.first, err = snapshotFrame(s.view(task)); err != nil {
		return nil, err
	}
	stream := s.hub.Open(task.ID, task.Seq, f.logs)
	if f.outlet, err = s.open(ctx, stream.Wake); err != nil {
		stream.Close()
		return nil, err
	}
	return f.streamed(func() error {
		defer stream.Close()
		return f.run(stream)
	}), nil
}

// tail has a stream begin its output with the last lines.
func (s *Server) tail(ctx context.Context, f *follower, lines int) error {
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	first, err := s.store.LastLines(limited, f.task, lines)
	if err != nil || first.Seq == 0 {
		return err
	}
	f.logsFrom = first.Seq
	f.cut, err = frameOf(first, nil)
	return err
}

// follower writes one stream.
type follower struct {
	*outlet

	task     uuid.UUID
	first    []byte // frame of the task as it is
	cursor   int64  // everything up to here was sent, or is known to the reader
	logs     bool
	logsFrom int64  // output before is left out
	cut      []byte // frame of the piece of output that is sent instead of the one at logsFrom
	ended    int64  // the seq of the task's end, once it is known
}

// run writes until the task ends, the reader goes or is too slow, or the server stops.
func (f *follower) run(stream *realtime.Stream) error {
	// The snapshot has no id: what the reader knows stays what it knew.
	if err := f.send(comeBack(), f.first); err != nil {
		return err
	}
	f.first = nil
	if err := f.history(); err != nil {
		return err
	}
	for f.ended == 0 || f.cursor < f.ended {
		if err := f.wait(stream.C); err != nil {
			return err
		}
		if err := f.take(stream.Take()); err != nil {
			return err
		}
	}
	return f.end()
}

// end says that nothing follows.
func (f *follower) end() error {
	task, err := f.server.store.Head(f.ctx, f.task)
	if err != nil {
		return err
	}
	data, err := frame(0, "end", map[string]any{"state": task.State, "seq": f.cursor})
	if err != nil {
		return err
	}
	return f.send(data)
}

// history sends what there is after the cursor.
func (f *follower) history() (err error) {
	aside(func() { err = f.readUp() })
	return err
}

// readUp sends history piece by piece. Output that is left out is not read.
func (f *follower) readUp() error {
	for {
		early := f.cursor < f.logsFrom-1
		batches, err := f.server.feed.Read(f.ctx, []realtime.Ask{{Task: f.task, After: f.cursor, Logs: f.logs && !early}})
		if err != nil {
			return err
		}
		batch := batches[0]
		if batch.Gone {
			return jobs.ErrNotFound
		}
		if early {
			batch = before(batch, f.logsFrom)
		}
		if err := f.pass(batch.Entries); err != nil {
			return err
		}
		if f.cursor = max(f.cursor, batch.UpTo); batch.More {
			continue
		}
		if batch.Ended {
			f.ended = batch.UpTo
		}
		return nil
	}
}

// before is the part of a batch before a seq.
func before(batch realtime.Batch, seq int64) realtime.Batch {
	if batch.UpTo < seq {
		return batch
	}
	for i, entry := range batch.Entries {
		if entry.Seq >= seq {
			batch.Entries = batch.Entries[:i]
			break
		}
	}
	return realtime.Batch{Entries: batch.Entries, UpTo: seq - 1, More: true}
}

// take sends what came live. A reader of everything sees a gap in the numbers, and reads it up.
func (f *follower) take(news realtime.News) error {
	if news.Gone {
		return jobs.ErrNotFound
	}
	gap := news.Behind
	for i, entry := range news.Entries {
		if entry.Seq > f.cursor {
			gap = gap || f.logs && entry.Seq != f.cursor+1
			news.Entries = news.Entries[i:]
			break
		}
	}
	if gap {
		return f.history()
	}
	if news.Ended > 0 {
		f.ended = news.Ended
	}
	return f.pass(news.Entries)
}

// pass sends entries that the reader does not know.
func (f *follower) pass(entries []realtime.Entry) error {
	for _, entry := range entries {
		if entry.Seq <= f.cursor {
			continue
		}
		f.cursor = entry.Seq
		switch {
		case entry.Log && (!f.logs || entry.Seq < f.logsFrom):
			continue
		case entry.Seq == f.logsFrom:
			entry.Frame = f.cut
		}
		if err := f.write(entry.Frame); err != nil {
			return err
		}
	}
	return f.flush()
}
