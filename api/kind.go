package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"freshet/jobs"
)

func (s *Server) kindRoutes(r *routes) {
	handle(r, operation{
		id: "list-kinds", method: http.MethodGet, path: "/v1/kinds", tag: "kinds", scope: jobs.ScopeRead,
		summary: "List the kinds, by name",
	}, s.listKinds)
	handle(r, operation{
		id: "get-kind", method: http.MethodGet, path: "/v1/kinds/{name}", tag: "kinds", scope: jobs.ScopeRead,
		summary: "Read a kind", refuses: []code{codeNotFound},
	}, s.getKind)
	handle(r, operation{
		id: "pause-kind", method: http.MethodPost, path: "/v1/kinds/{name}/pause", tag: "kinds",
		summary: "Let no waiting task of a kind start", detail: "What runs goes on.",
		access: admin, refuses: []code{codeNotFound},
	}, s.pauseKind(true))
	handle(r, operation{
		id: "resume-kind", method: http.MethodPost, path: "/v1/kinds/{name}/resume", tag: "kinds",
		summary: "Let the tasks of a kind start again",
		access:  admin, refuses: []code{codeNotFound},
	}, s.pauseKind(false))
}

// kindView is what a kind's callers need to know of it.
type kindView struct {
	Name        string          `json:"name" example:"report"`
	Description string          `json:"description,omitempty"`
	Input       json.RawMessage `json:"input,omitempty" doc:"JSON Schema 2020-12 of the input; absent: anything goes."`
	Output      json.RawMessage `json:"output,omitempty" doc:"JSON Schema 2020-12 of the output; absent: anything goes."`
	Pool        string          `json:"pool" example:"default"`
	PausedAt    *time.Time      `json:"pausedAt,omitempty" doc:"Since when no waiting task of it starts."`
}

func viewKind(kind jobs.KindStatus) kindView {
	return kindView{
		Name: kind.Name, Description: kind.Description, Input: kind.Input, Output: kind.Output, Pool: kind.Pool,
		PausedAt: utc(kind.PausedAt),
	}
}

type nameInput struct {
	Name string `path:"name" example:"report"`
}

type kindsOutput struct {
	Body list[kindView]
}

type kindOutput struct {
	Body kindView
}

func (s *Server) listKinds(ctx context.Context, _ *struct{}) (*kindsOutput, error) {
	kinds, err := s.store.Kinds(ctx)
	if err != nil {
		return nil, err
	}
	return &kindsOutput{listOf(kinds, viewKind)}, nil
}

func (s *Server) getKind(ctx context.Context, in *nameInput) (*kindOutput, error) {
	kinds, err := s.store.Kinds(ctx)
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		if kind.Name == in.Name {
			return &kindOutput{viewKind(kind)}, nil
		}
	}
	return nil, jobs.ErrNotFound
}

func (s *Server) pauseKind(paused bool) func(context.Context, *nameInput) (*kindOutput, error) {
	return func(ctx context.Context, in *nameInput) (*kindOutput, error) {
		if _, err := s.store.PauseKind(ctx, in.Name, paused); err != nil {
			return nil, err
		}
		if err := s.Reload(ctx); err != nil {
			return nil, err
		}
		return s.getKind(ctx, in)
	}
}
