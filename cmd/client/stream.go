package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"freshet/jobs"
)

const streamType = "text/event-stream"

// The events of a stream that are not of the task's history, and have no id.
const (
	snapshotEvent = "task.snapshot" // the first: the task as it is
	endEvent      = "end"           // the last: the task has ended, and all of it was sent
)

// Why a stream is opened again.
var (
	errBrokeOff = errors.New("the stream broke off")
	errSilent   = errors.New("the stream fell silent")
)

// stream opens the task's stream after what is known, and passes on what comes. It returns nil when the
// task has ended. A stream that gave something and stops before is errBrokeOff.
func (f *follower) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(f.watch.Silence, func() { cancel(errSilent) })
	defer alarm.Stop()
	body, err := f.open(ctx)
	if err != nil || body == nil {
		return err
	}
	defer body.Close()
	events := newSSE(&attentive{body, alarm, f.watch.Silence}, f.lastID)
	for given := false; ; given = true {
		event, err := events.next()
		f.lastID = events.lastID
		if events.retry > 0 {
			f.retry = min(events.retry, longestPause)
		}
		switch {
		case errors.Is(err, errTooLong):
			return err
		case err != nil:
			return f.stopped(ctx, err, given)
		case event.kind == endEvent:
			return nil
		}
		f.alive()
		if err := f.take(event); err != nil {
			return err
		}
	}
}

// open asks for the stream. There is none, and no error, when the task has ended and all of it is known.
func (f *follower) open(ctx context.Context) (io.ReadCloser, error) {
	query := url.Values{}
	if f.watch.Logs {
		query.Set("include", "logs")
	}
	if f.watch.After > 0 {
		query.Set("after", strconv.FormatInt(f.watch.After, 10))
	}
	request, err := f.client.request(ctx, call{method: http.MethodGet, path: path("tasks", f.id, "stream"), query: query})
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", streamType)
	if f.lastID != "" {
		request.Header.Set("Last-Event-ID", f.lastID)
	}
	response, err := f.client.http.Do(request)
	if err != nil {
		return nil, f.stopped(ctx, err, false)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode == http.StatusOK && kind == streamType {
		return response.Body, nil
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusNoContent:
		return nil, nil //nolint:nilnil // nothing to read is no error
	case http.StatusOK:
		return nil, &Unreachable{f.client.Address(), fmt.Errorf("what answers there sends no stream of events, but %q", kind)}
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	return nil, problem(response, body)
}

// stopped is the error for a stream that the network, its silence or the caller ended.
func (f *follower) stopped(ctx context.Context, err error, given bool) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSilent) {
		return cause
	} else if cause != nil {
		err = cause
	}
	if given {
		err = fmt.Errorf("%w: %w", errBrokeOff, err)
	}
	return &Unreachable{f.client.Address(), err}
}

// take passes on one event. The task that comes with it is told after it.
func (f *follower) take(event sseEvent) error {
	if event.kind == snapshotEvent {
		return f.tellTask(event.data)
	}
	var entry Answer[Event]
	if err := json.Unmarshal(event.data, &entry); err != nil {
		return fmt.Errorf("read what the server sent of task %s: %w", f.id, err)
	}
	if entry.Value.Seq <= f.through {
		return nil
	}
	f.through = entry.Value.Seq
	if f.watch.wants(entry.Value) {
		if err := f.watch.Entry(entry); err != nil {
			return fmt.Errorf("show entry %d of task %s: %w", f.through, f.id, err)
		}
	}
	if entry.Value.Type.Lifecycle() {
		return f.tellTask(event.data)
	}
	return nil
}

// wants tells whether an entry is followed.
func (w *Watch) wants(entry Event) bool {
	if entry.Type == jobs.TaskLog {
		return w.Logs && (w.Attempt == 0 || w.Attempt == entry.Attempt)
	}
	return w.Events
}

// tellTask passes on the task that an envelope carries, if it does.
func (f *follower) tellTask(envelope []byte) error {
	if f.watch.Task == nil {
		return nil
	}
	var carrier struct {
		Data struct {
			Task *Task `json:"task"`
		} `json:"data"`
	}
	if err := json.Unmarshal(envelope, &carrier); err != nil {
		return fmt.Errorf("read what the server sent of task %s: %w", f.id, err)
	}
	if carrier.Data.Task != nil {
		f.watch.Task(*carrier.Data.Task)
	}
	return nil
}

// attentive sets off an alarm when a read takes too long. What the reader does in between does not count.
type attentive struct {
	io.Reader

	alarm *time.Timer
	limit time.Duration
}

func (a *attentive) Read(p []byte) (int, error) {
	a.alarm.Reset(a.limit)
	defer a.alarm.Stop()
	return a.Reader.Read(p)
}
