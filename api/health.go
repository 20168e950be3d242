package api

import (
	"context"
	"net/http"
	"time"
)

const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
	// pingTimeout is how long the database may take for a server that calls itself ready.
	pingTimeout = 2 * time.Second
)

func (s *Server) healthRoutes(r *routes) {
	handle(r, operation{
		id: "health", method: http.MethodGet, path: healthPath, tag: "health",
		summary: "Whether the process lives", access: public,
	}, s.health)
	handle(r, operation{
		id: "ready", method: http.MethodGet, path: readyPath, tag: "health",
		summary: "Whether the process can serve", detail: "It can while its database answers.", access: public,
	}, s.ready)
}

type healthView struct {
	Status string `json:"status" enum:"ok"`
}

type healthOutput struct {
	Body healthView
}

func (s *Server) health(context.Context, *struct{}) (*healthOutput, error) {
	return &healthOutput{healthView{"ok"}}, nil
}

func (s *Server) ready(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	select {
	case <-s.stopping:
		return nil, newProblem(codeUnavailable, "The server is stopping.")
	default:
	}
	limited, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := s.store.Ping(limited); err != nil {
		refused := newProblem(codeUnavailable, "").with("Retry-After", retrySoon)
		refused.cause = err
		return nil, refused
	}
	return &healthOutput{healthView{"ok"}}, nil
}
