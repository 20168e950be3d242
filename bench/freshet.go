package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/kind"
)

// nothing is a Runner that runs nothing.
type nothing struct{}

// Run completes the attempt at once.
func (nothing) Run(_ context.Context, claim jobs.Claim, _ *kind.Kind) (jobs.Ending, error) {
	return jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeCompleted}, nil
}

// Renew has nothing to let live on.
func (nothing) Renew(time.Duration) {}

// client submits to a Freshet over HTTP.
type client struct {
	http *http.Client
	url  string
	key  string
}

func newClient(url, key string) *client {
	return &client{
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}},
		url:  url, key: key,
	}
}

// submitted is the part of the API's task that is looked at here.
type submitted struct {
	ID    uuid.UUID  `json:"id"`
	State jobs.State `json:"state"`
}

// submit posts one task of a kind and returns its id.
func (c *client) submit(ctx context.Context, kind string) (uuid.UUID, error) {
	task, err := c.call(ctx, http.MethodPost, "/v1/tasks", fmt.Sprintf(`{"kind":%q,"input":{"text":"%s"}}`, kind, padding), http.StatusAccepted)
	return task.ID, err
}

// completed waits, the way a user would, until a task has ended, and returns when it knew.
func (c *client) completed(ctx context.Context, id uuid.UUID) (time.Time, error) {
	task, err := c.call(ctx, http.MethodGet, "/v1/tasks/"+id.String()+"?wait=30s&until=end", "", http.StatusOK)
	if err == nil && task.State != jobs.Completed {
		err = fmt.Errorf("task %s is %s", id, task.State)
	}
	return time.Now(), err
}

func (c *client) call(ctx context.Context, method, path, body string, want int) (submitted, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewBufferString(body))
	if err != nil {
		return submitted{}, fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return submitted{}, fmt.Errorf("call the API: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return submitted{}, fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != want {
		return submitted{}, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	var task submitted
	return task, json.Unmarshal(answer, &task)
}

// streamed reads a task's stream to its end, as users do, and returns when it told that the task completed.
func (c *client) streamed(ctx context.Context, id uuid.UUID) (told time.Time, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/v1/tasks/"+id.String()+"/stream", nil)
	if err != nil {
		return told, fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	response, err := c.http.Do(request)
	if err != nil {
		return told, fmt.Errorf("open the stream: %w", err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if lines.Text() == "event: task.completed" {
			told = time.Now()
		}
	}
	if told.IsZero() {
		return told, fmt.Errorf("the stream of task %s ended with %s and no task.completed", id, response.Status)
	}
	return told, nil
}

// latencies submits one task after another to an idle system and measures from POST to the end,
// as end sees it.
func (c *client) latencies(ctx context.Context, n int, end func(context.Context, uuid.UUID) (time.Time, error)) ([]time.Duration, error) {
	var took []time.Duration
	for range n {
		began := time.Now()
		id, err := c.submit(ctx, "nothing")
		if err != nil {
			return nil, err
		}
		ended, err := end(ctx, id)
		if err != nil {
			return nil, err
		}
		took = append(took, ended.Sub(began))
	}
	return took, nil
}
