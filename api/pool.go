package api

import (
	"context"
	"net/http"
	"time"

	"freshet/jobs"
)

func (s *Server) poolRoutes(r *routes) {
	handle(r, operation{
		id: "list-pools", method: http.MethodGet, path: "/v1/pools", tag: "fleet",
		summary: "List the pools, with what waits and runs in each", access: admin,
	}, s.listPools)
	handle(r, operation{
		id: "pause-pool", method: http.MethodPost, path: "/v1/pools/{name}/pause", tag: "fleet",
		summary: "Let no waiting task of a pool start", detail: "What runs goes on.",
		access: admin, refuses: []code{codeNotFound},
	}, s.pausePool(true))
	handle(r, operation{
		id: "resume-pool", method: http.MethodPost, path: "/v1/pools/{name}/resume", tag: "fleet",
		summary: "Let the tasks of a pool start again",
		access:  admin, refuses: []code{codeNotFound},
	}, s.pausePool(false))
}

// poolView is a group of like workers.
type poolView struct {
	Name     string     `json:"name" example:"default"`
	Provider string     `json:"provider" example:"process" doc:"What starts its workers."`
	Slots    int        `json:"slots" doc:"How many tasks one worker runs at once."`
	PausedAt *time.Time `json:"pausedAt,omitempty" doc:"Since when no waiting task of it starts."`
	Workers  int        `json:"workers" doc:"That are alive."`
	Queued   int        `json:"queued" doc:"Attempts that wait for a slot."`
	Running  int        `json:"running" doc:"Attempts that run."`
}

func viewPool(pool jobs.Pool) poolView {
	return poolView{
		Name: pool.Name, Provider: pool.Provider, Slots: pool.Slots, PausedAt: utc(pool.PausedAt),
		Workers: pool.Workers, Queued: pool.Queued, Running: pool.Running,
	}
}

type poolsOutput struct {
	Body list[poolView]
}

type poolOutput struct {
	Body poolView
}

func (s *Server) listPools(ctx context.Context, _ *struct{}) (*poolsOutput, error) {
	pools, err := s.store.Pools(ctx)
	if err != nil {
		return nil, err
	}
	return &poolsOutput{listOf(pools, viewPool)}, nil
}

func (s *Server) pausePool(paused bool) func(context.Context, *nameInput) (*poolOutput, error) {
	return func(ctx context.Context, in *nameInput) (*poolOutput, error) {
		if _, err := s.store.PausePool(ctx, in.Name, paused); err != nil {
			return nil, err
		}
		pools, err := s.store.Pools(ctx)
		if err != nil {
			return nil, err
		}
		for _, pool := range pools {
			if pool.Name == in.Name {
				return &poolOutput{viewPool(pool)}, nil
			}
		}
		return nil, jobs.ErrNotFound
	}
}
