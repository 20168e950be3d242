package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func (s *Server) workerRoutes(r *routes) {
	handle(r, operation{
		id: "list-workers", method: http.MethodGet, path: "/v1/workers", tag: "fleet",
		summary: "List the workers, the oldest first",
		detail:  "Also those that are late: leaseUntil is past.", access: admin,
	}, s.listWorkers)
}

// workerView is a process that pulls tasks of one pool.
type workerView struct {
	ID         uuid.UUID `json:"id" format:"uuid"`
	Pool       string    `json:"pool" example:"default"`
	Host       string    `json:"host"`
	PID        int       `json:"pid"`
	Slots      int       `json:"slots" doc:"How many tasks it runs at once."`
	Kinds      []string  `json:"kinds" nullable:"false" doc:"Names of the kinds that it can run."`
	Version    string    `json:"version"`
	StartedAt  time.Time `json:"startedAt"`
	BeatAt     time.Time `json:"beatAt" doc:"Its last sign of life."`
	LeaseUntil time.Time `json:"leaseUntil" doc:"Without another sign of life it counts as dead from then on."`
	Running    int       `json:"running" doc:"Attempts that it runs."`
}

type workersOutput struct {
	Body list[workerView]
}

func (s *Server) listWorkers(ctx context.Context, _ *struct{}) (*workersOutput, error) {
	workers, err := s.store.Workers(ctx)
	if err != nil {
		return nil, err
	}
	return &workersOutput{listOf(workers, viewWorker)}, nil
}

func viewWorker(w jobs.Worker) workerView {
	view := workerView{
		ID: w.ID, Pool: w.Pool, Host: w.Host, PID: w.PID, Slots: w.Slots, Kinds: w.Kinds, Version: w.Version,
		StartedAt: w.StartedAt.UTC(), BeatAt: w.BeatAt.UTC(), LeaseUntil: w.LeaseUntil.UTC(), Running: w.Running,
	}
	if view.Kinds == nil {
		view.Kinds = []string{}
	}
	return view
}
