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
		summary: "Whether the process can serve", access: public,
		detail: "It can while its database answers, which is not asked while it sleeps. Without LISTEN, behind a transaction pooler " +
			"say, all works but comes later.",
	}, s.ready)
}

type healthView struct {
	Status string `json:"status" enum:"ok"`
}

type healthOutput struct {
	Body healthView
}

// readyView says how well a process can serve.
type readyView struct {
	Status string `json:"status" enum:"ok"`
	Listen string `json:"listen" enum:"ok,missing,asleep" doc:"missing: changes are polled for, because the database's notifications do not arrive. asleep: there is nothing to do, and the database is left alone until there is."`
}

type readyOutput struct {
	Body readyView
}

func (s *Server) health(context.Context, *struct{}) (*healthOutput, error) {
	return &healthOutput{healthView{"ok"}}, nil
}

func (s *Server) ready(ctx context.Context, _ *struct{}) (*readyOutput, error) {
	select {
	case <-s.stopping:
		return nil, newProblem(codeUnavailable, "The server is stopping.")
	default:
	}
	if s.asleep() {
		return &readyOutput{readyView{Status: "ok", Listen: "asleep"}}, nil
	}
	limited, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := s.store.Ping(limited); err != nil {
		refused := newProblem(codeUnavailable, "").with("Retry-After", retrySoon)
		refused.cause = err
		return nil, refused
	}
	view := readyView{Status: "ok", Listen: "ok"}
	if s.hearing != nil && !s.hearing() {
		view.Listen = "missing"
	}
	return &readyOutput{view}, nil
}
