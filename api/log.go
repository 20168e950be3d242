package api

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"freshet/jobs"
)

func (s *Server) logRoutes(r *routes) {
	handle(r, operation{
		id: "read-logs", method: http.MethodGet, path: "/v1/tasks/{id}/logs", tag: "history", scope: jobs.ScopeRead, browser: true,
		summary: "Read what a task printed",
		detail: "As text: all of it, as it was printed. As JSON: a page of chunks with their streams and times, cut at line " +
			"ends; pass the last seq as after for the next page. Bytes that are no UTF-8 become U+FFFD.",
		long:    true,
		content: map[string]reflect.Type{textType: nil, jsonType: reflect.TypeFor[list[logView]]()},
	}, s.readLogs)
}

const (
	textType = "text/plain; charset=utf-8"
	// logPage is how many chunks a page of JSON has, unless the request says otherwise.
	logPage = 1000
	// logPiece is how many chunks of a long text are held in memory at once.
	logPiece = 64
)

type logsInput struct {
	ID      string `path:"id" doc:"Id of the task."`
	After   int64  `query:"after" minimum:"0" doc:"Only chunks with a higher seq."`
	Tail    int    `query:"tail" minimum:"0" maximum:"10000" doc:"Only the last so many lines."`
	Attempt int    `query:"attempt" minimum:"0" maximum:"2147483647" doc:"Only of this attempt."`
	Limit   int    `query:"limit" minimum:"0" maximum:"5000" doc:"At most so many chunks. By default 1,000, and all of a text."`
	Format  string `query:"format" enum:"text,json" default:"text"`
}

// logView is a piece of what a task printed.
type logView struct {
	Seq     int64     `json:"seq"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Stream  string    `json:"stream" enum:"stdout,stderr,system" doc:"system is Freshet itself."`
	Text    string    `json:"text"`
	Partial bool      `json:"partial" doc:"The last line goes on in the stream's next chunk."`
}

func (s *Server) readLogs(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
	task, err := s.ownedHead(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	filter := jobs.LogFilter{After: in.After, Attempt: in.Attempt, Tail: in.Tail, Limit: in.Limit}
	endless := in.Format == "text" && in.Tail == 0 && in.Limit == 0
	switch {
	case endless:
		filter.Limit = logPiece
	case in.Limit == 0:
		filter.Limit = logPage
	}
	chunks, err := s.logs(ctx, task, filter)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(answer huma.Context) {
		if in.Format == "json" {
			answer.SetHeader("Content-Type", jsonType)
			_ = marshal(answer.BodyWriter(), listOf(chunks, viewLog)) // the client may be gone
			return
		}
		answer.SetHeader("Content-Type", textType)
		more := endless
		for s.writeLogs(ctx, chunks) && more && len(chunks) == logPiece {
			filter.After = chunks[logPiece-1].Seq
			if chunks, err = s.logs(ctx, task, filter); err != nil {
				cutOff(ctx, err)
			}
			// What was printed since the request came is the next request's.
			more = len(chunks) > 0 && chunks[len(chunks)-1].Seq <= task.Seq
		}
	}}, nil
}

func (s *Server) logs(ctx context.Context, task jobs.Task, filter jobs.LogFilter) ([]jobs.LogChunk, error) {
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	return s.store.Logs(limited, task.ID, filter)
}

// writeLogs sends chunks as text. It tells whether the client still takes them.
func (s *Server) writeLogs(ctx context.Context, chunks []jobs.LogChunk) bool {
	s.renewDeadline(ctx)
	for _, chunk := range chunks {
		if _, err := callOf(ctx).writer.Write(bytes.ToValidUTF8(chunk.Bytes, []byte("\uFFFD"))); err != nil {
			return false
		}
	}
	return true
}

func viewLog(chunk jobs.LogChunk) logView {
	return logView{
		Seq: chunk.Seq, Attempt: chunk.Attempt, At: chunk.At.UTC(), Stream: chunk.Stream.String(),
		Text: string(bytes.ToValidUTF8(chunk.Bytes, []byte("\uFFFD"))), Partial: chunk.Partial,
	}
}

// renewDeadline gives the client time to take the next piece of a stream.
func (s *Server) renewDeadline(ctx context.Context) {
	_ = http.NewResponseController(callOf(ctx).writer).SetWriteDeadline(time.Now().Add(s.limits.Write)) // a test's has none
}

// cutOff breaks an answer off that has begun, so that the client does not take it for a whole one.
func cutOff(ctx context.Context, err error) {
	if ctx.Err() == nil {
		callOf(ctx).failure = err
	}
	panic(http.ErrAbortHandler)
}
