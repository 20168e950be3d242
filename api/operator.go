package api

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"time"

	"freshet/jobs"
)

func (s *Server) operatorRoutes(r *routes) {
	handle(r, operation{
		id: "get-maintenance", method: http.MethodGet, path: "/v1/maintenance", tag: "fleet",
		summary: "Read whether there is a maintenance", access: admin,
	}, s.getMaintenance)
	handle(r, operation{
		id: "set-maintenance", method: http.MethodPost, path: "/v1/maintenance", tag: "fleet",
		summary: "Begin or end a maintenance",
		detail: "While there is one, every replica refuses new tasks with 503, and nothing that waits starts. What runs goes " +
			"on. It outlives restarts.",
		access: admin, body: reflect.TypeFor[maintenanceRequest](),
		example: map[string]any{"enabled": true, "message": "We are back at nine."}, refuses: []code{codeInvalidRequest},
	}, s.setMaintenance)
	handle(r, operation{
		id: "reload-config", method: http.MethodPost, path: "/v1/config/reload", tag: "fleet",
		summary: "Have every process read its freshet.yaml again",
		detail: "The answer comes at once; each process reloads within seconds, also one that is away now, and keeps what it " +
			"has if its file is wrong. Its log says so.",
		access: admin, status: http.StatusAccepted,
	}, s.reloadConfig)
}

// maintenanceRequest says whether there is to be a maintenance.
type maintenanceRequest struct {
	Enabled bool   `json:"enabled"`
	Message string `json:"message,omitempty" maxLength:"500" doc:"For those whose tasks are refused."`
}

// maintenanceView is whether there is a maintenance.
type maintenanceView struct {
	Enabled bool       `json:"enabled"`
	Since   *time.Time `json:"since,omitempty"`
	Message string     `json:"message,omitempty"`
}

type maintenanceOutput struct {
	Body maintenanceView
}

type reloadView struct {
	Number int64 `json:"number" doc:"How often a reload was asked for."`
}

type reloadOutput struct {
	Body reloadView
}

const maxMessage = 500 // bytes

func (s *Server) getMaintenance(ctx context.Context, _ *struct{}) (*maintenanceOutput, error) {
	settings, err := s.store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if settings.Maintenance == nil {
		return &maintenanceOutput{}, nil
	}
	return &maintenanceOutput{maintenanceView{true, utc(&settings.Maintenance.Since), settings.Maintenance.Message}}, nil
}

func (s *Server) setMaintenance(ctx context.Context, _ *struct{}) (*maintenanceOutput, error) {
	request, err := readBody[maintenanceRequest](ctx)
	if err != nil {
		return nil, err
	}
	if len(request.Message) > maxMessage {
		return nil, newProblem(codeInvalidRequest, "", fault{"/message", "maxLength", "must have at most 500 bytes"})
	}
	callOf(ctx).about(map[bool]string{true: "begin", false: "end"}[request.Enabled])
	if err := s.store.Maintain(ctx, request.Enabled, request.Message); err != nil {
		return nil, err
	}
	if err := s.catalogue.load(ctx); err != nil { // this replica need not wait for its hint
		return nil, err
	}
	return s.getMaintenance(ctx, nil)
}

func (s *Server) reloadConfig(ctx context.Context, _ *struct{}) (*reloadOutput, error) {
	if err := s.store.AskReload(ctx); err != nil {
		return nil, err
	}
	settings, err := s.store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return &reloadOutput{reloadView{settings.Reload}}, nil
}

// maintained refuses new work while there is a maintenance.
func maintained(maintenance *jobs.Maintenance) error {
	if maintenance == nil {
		return nil
	}
	detail := cmp.Or(maintenance.Message, "There is a maintenance. Try again later.")
	return newProblem(codeMaintenance, detail).with("Retry-After", retryLater)
}
