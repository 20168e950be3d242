package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"freshet/jobs"
)

// Event is the envelope in which everything that happens to a task is told, its output included.
type Event struct {
	Type    jobs.EventType  `json:"type"`
	TaskID  string          `json:"taskId"`
	Seq     int64           `json:"seq"`
	Attempt int             `json:"attempt"`
	At      time.Time       `json:"at"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// Output is the data of a task.log event.
type Output struct {
	Stream  string `json:"stream"` // stdout, stderr or system
	Text    string `json:"text"`
	Partial bool   `json:"partial,omitempty"` // the last line goes on in the stream's next chunk
}

// LogChunk is a piece of what a task's command printed.
type LogChunk struct {
	Seq     int64     `json:"seq"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	Output
}

// logPage is how many chunks are asked for at once: a few megabytes at most.
const logPage = 64

// LogQuery narrows what is read of a task's output; a zero field does not.
type LogQuery struct {
	After   int64 // only chunks with a higher seq
	Tail    int   // only the last so many lines
	Attempt int
}

// Logs reads a page of a task's output; it is empty when there is no more yet.
func (c *Client) Logs(ctx context.Context, id string, q LogQuery) ([]Answer[LogChunk], error) {
	query := url.Values{"format": {"json"}}
	if q.Tail == 0 {
		query.Set("limit", strconv.Itoa(logPage))
	}
	for name, value := range map[string]int64{"after": q.After, "tail": int64(q.Tail), "attempt": int64(q.Attempt)} {
		if value > 0 {
			query.Set(name, strconv.FormatInt(value, 10))
		}
	}
	var page List[LogChunk]
	err := c.get(ctx, path("tasks", id, "logs"), query, &page)
	return page.Items, err
}

// Event is the chunk of a task in the envelope of events.
func (l LogChunk) Event(task string) (Event, error) {
	data, err := json.Marshal(l.Output)
	if err != nil {
		return Event{}, fmt.Errorf("log chunk %d: %w", l.Seq, err)
	}
	return Event{Type: jobs.TaskLog, TaskID: task, Seq: l.Seq, Attempt: l.Attempt, At: l.At, Data: data}, nil
}
