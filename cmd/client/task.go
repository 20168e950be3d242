package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"freshet/jobs"
)

// Task is a task as the server shows it. Lists leave input and output out.
type Task struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	State    jobs.State      `json:"state"`
	Run      int             `json:"run"`
	Progress int             `json:"progress"` // 0 to 100
	Message  string          `json:"message"`
	Input    json.RawMessage `json:"input"`
	Output   json.RawMessage `json:"output"`
	Error    *jobs.Failure   `json:"error"`
	Wait     *jobs.Wait      `json:"wait"`

	Attempt     int             `json:"attempt"`
	Tries       int             `json:"tries"`
	MaxAttempts int             `json:"maxAttempts"`
	Priority    jobs.Priority   `json:"priority"`
	Tags        []string        `json:"tags"`
	Metadata    json.RawMessage `json:"metadata"`
	Owner       string          `json:"owner"`
	RerunOf     string          `json:"rerunOf"`
	Usage       *jobs.Usage     `json:"usage"`
	Seq         int64           `json:"seq"`

	CreatedAt         time.Time  `json:"createdAt"`
	ScheduledAt       *time.Time `json:"scheduledAt"`
	StartedAt         *time.Time `json:"startedAt"`
	CompletedAt       *time.Time `json:"completedAt"`
	CancelRequestedAt *time.Time `json:"cancelRequestedAt"`
}

// Submission asks for a task; an empty field is left to the server. Times and durations are sent as
// they were written.
type Submission struct {
	Kind             string          `json:"kind"`
	Input            json.RawMessage `json:"input,omitempty"`
	Owner            string          `json:"owner,omitempty"`
	Tags             []string        `json:"tags,omitempty"`
	Priority         string          `json:"priority,omitempty"`
	ScheduledAt      string          `json:"scheduledAt,omitempty"` // RFC 3339
	Delay            string          `json:"delay,omitempty"`       // such as 30m
	Timeout          string          `json:"timeout,omitempty"`
	WebhookURL       string          `json:"webhookUrl,omitempty"`
	IdempotencyKey   string          `json:"idempotencyKey,omitempty"`
	IdempotencyScope string          `json:"idempotencyScope,omitempty"`
}

// Filter narrows a list of tasks; an empty field does not.
type Filter struct {
	State, Kind, Tag, Owner string
	Limit                   int    // of one page; zero: as the server likes
	Cursor                  string // of the page before
}

// Submit makes a task.
func (c *Client) Submit(ctx context.Context, submission Submission) (Answer[Task], error) {
	var task Answer[Task]
	err := c.post(ctx, path("tasks"), submission, &task)
	return task, err
}

// Task reads one task.
func (c *Client) Task(ctx context.Context, id string) (Answer[Task], error) {
	var task Answer[Task]
	err := c.get(ctx, path("tasks", id), nil, &task)
	return task, err
}

// Tasks reads one page of the list of tasks, newest first.
func (c *Client) Tasks(ctx context.Context, filter Filter) (Answer[List[Task]], error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"state": filter.State, "kind": filter.Kind, "tag": filter.Tag, "owner": filter.Owner, "cursor": filter.Cursor,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if filter.Limit > 0 {
		query.Set("limit", strconv.Itoa(filter.Limit))
	}
	var page Answer[List[Task]]
	err := c.get(ctx, path("tasks"), query, &page)
	return page, err
}

// Cancel asks a task to end; a running one ends a little later.
func (c *Client) Cancel(ctx context.Context, id string) (Answer[Task], error) {
	return c.act(ctx, id, "cancel")
}

// Retry begins a new run of a task that has ended.
func (c *Client) Retry(ctx context.Context, id string) (Answer[Task], error) {
	return c.act(ctx, id, "retry")
}

// Rerun makes a new task like one that there is, and answers with the new one.
func (c *Client) Rerun(ctx context.Context, id string) (Answer[Task], error) {
	return c.act(ctx, id, "rerun")
}

func (c *Client) act(ctx context.Context, id, action string) (Answer[Task], error) {
	var task Answer[Task]
	err := c.post(ctx, path("tasks", id, action), nil, &task)
	return task, err
}

// Delete forgets a task that has ended, and all that belongs to it.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path("tasks", id)}, nil)
}
