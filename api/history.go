package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func (s *Server) historyRoutes(r *routes) {
	handle(r, operation{
		id: "list-attempts", method: http.MethodGet, path: "/v1/tasks/{id}/attempts", tag: "history", scope: jobs.ScopeRead, browser: true,
		summary: "List the attempts of a task, first to last",
	}, s.listAttempts)
	handle(r, operation{
		id: "list-events", method: http.MethodGet, path: "/v1/tasks/{id}/events", tag: "history", scope: jobs.ScopeRead, browser: true,
		summary: "List what happened to a task",
		detail: "In order of seq. Log chunks share the sequence, so it has holes here. Pass the last seq as after for the " +
			"next page; a page without items is the end for now.",
	}, s.listEvents)
}

// attemptView is one try at a task.
type attemptView struct {
	Attempt   int               `json:"attempt"`
	Run       int               `json:"run"`
	State     jobs.AttemptState `json:"state" enum:"held,queued,running,ended"`
	Outcome   jobs.Outcome      `json:"outcome,omitempty" enum:"completed,failed,cancelled,interrupted,lost"`
	WorkerID  *uuid.UUID        `json:"workerId,omitempty" format:"uuid"`
	Error     *jobs.Failure     `json:"error,omitempty"`
	ExitCode  *int              `json:"exitCode,omitempty"`
	Signal    string            `json:"signal,omitempty" example:"SIGKILL"`
	Usage     *jobs.Usage       `json:"usage,omitempty"`
	QueuedAt  *time.Time        `json:"queuedAt,omitempty" doc:"When it came to wait."`
	StartedAt *time.Time        `json:"startedAt,omitempty"`
	EndedAt   *time.Time        `json:"endedAt,omitempty"`
}

type attemptsOutput struct {
	Body list[attemptView]
}

func (s *Server) listAttempts(ctx context.Context, in *taskInput) (*attemptsOutput, error) {
	task, err := s.ownedHead(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	attempts, err := s.store.Attempts(ctx, task.ID)
	if err != nil {
		return nil, err
	}
	return &attemptsOutput{listOf(attempts, viewAttempt)}, nil
}

func viewAttempt(a jobs.Attempt) attemptView {
	view := attemptView{
		Attempt: a.Number, Run: a.Run, State: a.State, Outcome: a.Outcome, Error: a.Failure, ExitCode: a.ExitCode,
		Signal: a.Signal, Usage: a.Usage, QueuedAt: utc(a.QueuedAt), StartedAt: utc(a.StartedAt), EndedAt: utc(a.EndedAt),
	}
	if a.WorkerID != uuid.Nil {
		view.WorkerID = &a.WorkerID
	}
	return view
}

type eventsInput struct {
	ID    string `path:"id" doc:"Id of the task."`
	After int64  `query:"after" minimum:"0" doc:"Only what has a higher seq."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"500"`
}

// eventView is the envelope in which everything that happens to a task is told.
type eventView struct {
	Type    jobs.EventType  `json:"type" example:"task.progress"`
	TaskID  uuid.UUID       `json:"taskId" format:"uuid"`
	Seq     int64           `json:"seq"`
	Attempt int             `json:"attempt"`
	At      time.Time       `json:"at"`
	Data    json.RawMessage `json:"data,omitempty" doc:"An object. That of a lifecycle event has the task, as it is now and without input and output."`
}

type eventsOutput struct {
	Body list[eventView]
}

func (s *Server) listEvents(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	task, err := s.ownedHead(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	events, err := s.store.Events(ctx, task.ID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	row, err := json.Marshal(s.brief(task))
	if err != nil {
		return nil, fmt.Errorf("compose events: %w", err)
	}
	output := &eventsOutput{list[eventView]{Items: make([]eventView, len(events))}}
	for i, event := range events {
		if output.Body.Items[i], err = viewEvent(event, row); err != nil {
			return nil, err
		}
	}
	return output, nil
}

// viewEvent composes the envelope. What a lifecycle event stores is only what the task does not show.
func viewEvent(event jobs.Event, task json.RawMessage) (eventView, error) {
	view := eventView{
		Type: event.Type, TaskID: event.TaskID, Seq: event.Seq, Attempt: event.Attempt, At: event.At.UTC(), Data: event.Data,
	}
	if !event.Type.Lifecycle() {
		return view, nil
	}
	data := map[string]json.RawMessage{}
	if event.Data != nil {
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return view, fmt.Errorf("compose event %d: %w", event.Seq, err)
		}
	}
	data["task"] = task
	var err error
	if view.Data, err = json.Marshal(data); err != nil {
		return view, fmt.Errorf("compose event %d: %w", event.Seq, err)
	}
	return view, nil
}
