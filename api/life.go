package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"freshet/jobs"
)

func (s *Server) lifeRoutes(r *routes) {
	handle(r, operation{
		id: "cancel-task", method: http.MethodPost, path: "/v1/tasks/{id}/cancel", tag: "tasks", scope: jobs.ScopeCancel, browser: true,
		summary: "Cancel a task",
		detail: "A task that waits is cancelled at once. One that runs shows cancelRequestedAt, and is cancelled when its " +
			"command is dead. Cancelling again changes nothing.",
		refuses: []code{codeTaskEnded, codeBusy},
	}, s.cancelTask)
	handle(r, operation{
		id: "retry-task", method: http.MethodPost, path: "/v1/tasks/{id}/retry", tag: "tasks", scope: jobs.ScopeWrite,
		summary: "Run an ended task again, under the same id",
		detail:  "A new run begins, under the newest revision of the kind, which the input must fit.",
		refuses: append(overLimits(), codeNotEnded, codeInvalidInput, codeUnknownKind),
	}, s.retryTask)
	handle(r, operation{
		id: "rerun-task", method: http.MethodPost, path: "/v1/tasks/{id}/rerun", tag: "tasks", scope: jobs.ScopeWrite,
		summary: "Submit a new task like this one",
		detail:  "It has the same kind, owner, tags, metadata and priority, and another input if the body has one.",
		body:    reflect.TypeFor[rerunRequest](), bodyOptional: true, status: http.StatusAccepted,
		refuses: append(overLimits(), codeInvalidInput, codeUnknownKind),
	}, s.rerunTask)
	handle(r, operation{
		id: "delete-task", method: http.MethodDelete, path: "/v1/tasks/{id}", tag: "tasks", scope: jobs.ScopeWrite,
		summary: "Delete an ended task, with all that was kept of it",
		status:  http.StatusNoContent,
		refuses: []code{codeNotEnded},
	}, s.deleteTask)
}

type taskOutput struct {
	Body taskView
}

func (s *Server) cancelTask(ctx context.Context, in *taskInput) (*taskOutput, error) {
	task, err := s.ownedHead(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.store.Cancel(ctx, task.ID); err != nil {
		return nil, err
	}
	return s.again(ctx, in.ID)
}

// again answers with a task that was just changed.
func (s *Server) again(ctx context.Context, id string) (*taskOutput, error) {
	task, err := s.owned(ctx, id)
	if err != nil {
		return nil, err
	}
	return &taskOutput{s.view(task)}, nil
}

func (s *Server) retryTask(ctx context.Context, in *taskInput) (*taskOutput, error) {
	task, err := s.owned(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !task.State.Ended() {
		return nil, jobs.ErrNotEnded
	}
	kind, err := s.catalogue.get(ctx, task.Kind)
	if err != nil {
		return nil, err
	}
	if err := fits(kind, task.Input); err != nil {
		return nil, err
	}
	if err := s.allowed.take(ctx, need{owner: task.Owner, tasks: 1}); err != nil {
		return nil, err
	}
	if err := s.store.Retry(ctx, task.ID, kind.Kind.Kind, kind.revision); err != nil {
		return nil, err
	}
	return s.again(ctx, in.ID)
}

type rerunRequest struct {
	Input json.RawMessage `json:"input,omitempty" doc:"Instead of the input of the task."`
}

func (s *Server) rerunTask(ctx context.Context, in *taskInput) (*submitOutput, error) {
	task, err := s.owned(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	request, err := readBody[rerunRequest](ctx)
	if err != nil {
		return nil, err
	}
	if len(request.Input) == 0 || string(request.Input) == "null" {
		request.Input = task.Input
	}
	order, err := s.prepare(ctx, submitRequest{
		Kind: task.Kind, Input: request.Input, Owner: &task.Owner,
		Tags: task.Tags, Metadata: task.Metadata, Priority: task.Priority,
	})
	if err != nil {
		return nil, err
	}
	callOf(ctx).about(order.ID.String())
	order.RerunOf, order.Webhook, order.Timeout = task.ID, task.Webhook, task.Timeout // the runner takes the shorter of this and the kind's
	return s.place(ctx, order)
}

func (s *Server) deleteTask(ctx context.Context, in *taskInput) (*struct{}, error) {
	task, err := s.ownedHead(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.store.Remove(ctx, task.ID)
}
