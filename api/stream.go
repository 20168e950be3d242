package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"freshet/jobs"
	"freshet/jobs/realtime"
)

func (s *Server) streamRoutes(r *routes) {
	handle(r, operation{
		id: "stream-task", method: http.MethodGet, path: "/v1/tasks/{id}/stream", tag: "history", scope: jobs.ScopeRead,
		summary: "Follow a task live",
		detail: "Server-sent events. The first is task.snapshot, with the task; then comes everything that happened, from the " +
			"beginning or from after Last-Event-ID, each with its seq as id; the last is end. A stream that breaks off before " +
			"is to be opened again with the last id.",
		long: true, content: map[string]reflect.Type{streamType: nil},
		also:    map[int]string{http.StatusNoContent: "The task has ended and all of it is known: there is nothing to wait for."},
		refuses: []code{codeTooManyStreams},
	}, s.streamTask)
}

// errReturn: the stream is closed, and its reader is to come back.
var errReturn = errors.New("the reader is to come back")

const (
	streamType = "text/event-stream"
	// beatEvery is how often a silent stream says that it lives.
	beatEvery = 15 * time.Second
	// retryAfter and its spread are when readers come back, so that not all of them do at once.
	retryAfter  = 500
	retrySpread = 1500
)

type streamInput struct {
	ID          string `path:"id" doc:"Id of the task."`
	LastEventID string `header:"Last-Event-ID" doc:"The last id that is known; goes before after."`
	After       int64  `query:"after" minimum:"0" doc:"The last seq that is known."`
	Include     string `query:"include" enum:"logs" doc:"logs: what the task prints, as task.log."`
	Tail        int    `query:"tail" minimum:"0" maximum:"10000" doc:"Of the output there is, only the last so many lines."`
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
	after = min(after, task.Seq) // a seq that there never was
	leave, err := s.streams.enter(caller(ctx).Owner)
	if err != nil {
		return nil, err
	}
	from, err := s.tailFrom(ctx, task, in)
	if err != nil {
		leave()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(answer huma.Context) {
		defer leave()
		w := &follower{server: s, ctx: ctx, task: task, cursor: after, logs: in.Include == "logs", logsFrom: from}
		w.run(answer)
	}}, nil
}

// tailFrom is the first seq of the output that a stream with tail begins with; zero without.
func (s *Server) tailFrom(ctx context.Context, task jobs.Task, in *streamInput) (int64, error) {
	if in.Include != "logs" || in.Tail == 0 {
		return 0, nil
	}
	chunks, err := s.logs(ctx, task, jobs.LogFilter{Tail: in.Tail, Limit: logPage})
	if err != nil || len(chunks) == 0 {
		return 0, err
	}
	return chunks[0].Seq, nil
}

// follower writes one stream.
type follower struct {
	server   *Server
	ctx      context.Context //nolint:containedctx // the request's, whose stream this is
	task     jobs.Task
	cursor   int64 // everything up to here was sent, or is known to the reader
	logs     bool
	logsFrom int64 // output before is left out
	ended    int64 // the seq of the task's end, once it is known
}

// run writes until the task ends, the reader goes or is too slow, or the server stops.
func (f *follower) run(answer huma.Context) {
	stream := f.server.hub.Open(f.task.ID, f.task.Seq, f.logs)
	defer stream.Close()
	beginStream(answer)
	if f.begin() != nil || f.history() != nil {
		return
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	life := time.NewTimer(f.server.streamLife(f.ctx))
	defer life.Stop()
	for f.ended == 0 || f.cursor < f.ended {
		var err error
		select {
		case <-stream.C:
			err = f.take(stream.Take())
		case <-beat.C:
			err = f.write([]byte(": beat\n\n"))
		case <-life.C:
			err = errReturn
		case <-f.server.stopping:
			err = errReturn
		case <-f.ctx.Done():
			err = context.Cause(f.ctx)
		}
		if err != nil {
			_ = f.write(comeBack()) // so that not all come back at once
			return
		}
	}
	f.end()
}

// begin sends the snapshot, which has no id: what the reader knows stays what it knew.
func (f *follower) begin() error {
	data, err := snapshotFrame(f.server.view(f.task))
	if err != nil {
		return err
	}
	return f.write(append(comeBack(), data...))
}

// end says that nothing follows.
func (f *follower) end() {
	task, err := f.server.store.Head(f.ctx, f.task.ID)
	if err != nil {
		return
	}
	data, err := frame(0, "end", map[string]any{"state": task.State, "seq": f.cursor})
	if err == nil {
		_ = f.write(data)
	}
}

// history sends what there is after the cursor, piece by piece.
func (f *follower) history() error {
	for {
		batch, err := f.server.feed.Read(f.ctx, f.task.ID, f.cursor, f.logs)
		if err != nil {
			return err
		}
		if batch.Gone {
			return jobs.ErrNotFound
		}
		if err := f.send(batch.Entries); err != nil {
			return err
		}
		if batch.Ended {
			f.ended = batch.UpTo
		}
		if !batch.More {
			f.cursor = max(f.cursor, batch.UpTo)
			return nil
		}
	}
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
	return f.send(news.Entries)
}

// send writes entries that the reader does not know, and flushes once.
func (f *follower) send(entries []realtime.Entry) error {
	var frames []byte
	for _, entry := range entries {
		if entry.Seq <= f.cursor {
			continue
		}
		f.cursor = entry.Seq
		if !entry.Log || f.logs && entry.Seq >= f.logsFrom {
			frames = append(frames, entry.Frame...)
		}
	}
	if frames == nil {
		return nil
	}
	return f.write(frames)
}

func (f *follower) write(frames []byte) error { return f.server.push(f.ctx, frames) }

// comeBack says when to come back, not for all readers at once.
func comeBack() []byte {
	return fmt.Appendf(nil, "retry: %d\n\n", retryAfter+rand.IntN(retrySpread)) //nolint:gosec // no secret
}

// beginStream sends the headers of a stream.
func beginStream(answer huma.Context) {
	answer.SetHeader("Content-Type", streamType)
	answer.SetHeader("Cache-Control", "no-cache, no-transform")
	answer.SetHeader("X-Accel-Buffering", "no")
}

// push sends a piece of a stream, and fails when the reader does not take it in time.
func (s *Server) push(ctx context.Context, frames []byte) error {
	s.renewDeadline(ctx)
	w := callOf(ctx).writer
	if _, err := w.Write(frames); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}
