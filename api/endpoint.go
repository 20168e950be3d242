package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/webhook"
)

func (s *Server) endpointRoutes(r *routes) {
	handle(r, operation{
		id: "list-webhooks", method: http.MethodGet, path: "/v1/webhooks", tag: "webhooks", scope: jobs.ScopeRead,
		summary: "List the webhook endpoints", detail: "Without their secrets. An admin sees everybody's; those with everyone are shown to who may make them.",
	}, s.listEndpoints)
	handle(r, operation{
		id: "create-webhook", method: http.MethodPost, path: "/v1/webhooks", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Have an address told of events",
		detail:  "It hears of what happens from now on. The answer is the only place that its signing secret is ever shown.",
		body:    reflect.TypeFor[endpointRequest](), status: http.StatusCreated,
		example: map[string]any{"url": "https://app.example.com/hooks/freshet"},
		refuses: []code{codeInvalidRequest, codeForbidden},
	}, s.createEndpoint)
	handle(r, operation{
		id: "get-webhook", method: http.MethodGet, path: "/v1/webhooks/{id}", tag: "webhooks", scope: jobs.ScopeRead,
		summary: "Read a webhook endpoint",
	}, s.getEndpoint)
	handle(r, operation{
		id: "change-webhook", method: http.MethodPatch, path: "/v1/webhooks/{id}", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Change a webhook endpoint", detail: "What is absent stays. One that was disabled by failures is enabled here.",
		body: reflect.TypeFor[endpointChange](), refuses: []code{codeInvalidRequest},
	}, s.changeEndpoint)
	handle(r, operation{
		id: "delete-webhook", method: http.MethodDelete, path: "/v1/webhooks/{id}", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Delete a webhook endpoint, and its deliveries", status: http.StatusNoContent,
	}, s.deleteEndpoint)
	handle(r, operation{
		id: "pause-webhook", method: http.MethodPost, path: "/v1/webhooks/{id}/pause", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Have deliveries to an endpoint wait",
	}, s.pauseEndpoint)
	handle(r, operation{
		id: "resume-webhook", method: http.MethodPost, path: "/v1/webhooks/{id}/resume", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Send what waited, and go on",
	}, s.resumeEndpoint)
	handle(r, operation{
		id: "rotate-webhook", method: http.MethodPost, path: "/v1/webhooks/{id}/rotate", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Give an endpoint another signing secret",
		detail:  "The one before signs too for keep, so that the receiver can be changed over.",
		body:    reflect.TypeFor[rotateRequest](), bodyOptional: true, status: http.StatusCreated,
		refuses: []code{codeInvalidRequest},
	}, s.rotateEndpoint)
	handle(r, operation{
		id: "test-webhook", method: http.MethodPost, path: "/v1/webhooks/{id}/test", tag: "webhooks", scope: jobs.ScopeWrite,
		summary: "Send a message that tells of nothing", detail: "The answer is the delivery: read it again to see what became of it.",
		status: http.StatusAccepted,
	}, s.testEndpoint)
}

// maxEndpoints is how many endpoints one owner may have.
const maxEndpoints = 50

// endpointRequest asks for an endpoint.
type endpointRequest struct {
	URL      string            `json:"url" maxLength:"2048" example:"https://app.example.com/hooks/freshet"`
	Owner    string            `json:"owner,omitempty" maxLength:"255" doc:"Whose tasks it hears of; the key's own owner when absent. Another one needs a key with actAsOwner."`
	Everyone bool              `json:"everyone,omitempty" doc:"It hears of every owner's tasks. Needs a key with actAsOwner."`
	Events   []jobs.EventType  `json:"events,omitempty" nullable:"false" doc:"The ends of tasks when absent."`
	Kinds    []string          `json:"kinds,omitempty" nullable:"false" maxItems:"100" doc:"Of tasks of these kinds; of all when absent."`
	Headers  map[string]string `json:"headers,omitempty" doc:"Sent along with each message; at most 20. Kept encrypted, and never shown."`
	Enabled  *bool             `json:"enabled,omitempty" default:"true"`
}

// endpointChange is what shall be different.
type endpointChange struct {
	URL     *string            `json:"url,omitempty" maxLength:"2048"`
	Events  *[]jobs.EventType  `json:"events,omitempty"`
	Kinds   *[]string          `json:"kinds,omitempty" maxItems:"100"`
	Headers *map[string]string `json:"headers,omitempty" doc:"All of them."`
	Enabled *bool              `json:"enabled,omitempty"`
}

// endpointView is an endpoint as users see it.
type endpointView struct {
	ID           uuid.UUID        `json:"id" format:"uuid"`
	URL          string           `json:"url"`
	Owner        string           `json:"owner"`
	Everyone     bool             `json:"everyone"`
	Events       []jobs.EventType `json:"events" nullable:"false"`
	Kinds        []string         `json:"kinds" nullable:"false" doc:"None: all."`
	Enabled      bool             `json:"enabled"`
	Disabled     string           `json:"disabledReason,omitempty" doc:"Why it was disabled, when that was not its owner's wish."`
	PausedAt     *time.Time       `json:"pausedAt,omitempty"`
	FailingSince *time.Time       `json:"failingSince,omitempty" doc:"Since when nothing has arrived. After five days it is disabled."`
	CreatedAt    time.Time        `json:"createdAt"`
	UpdatedAt    time.Time        `json:"updatedAt"`
	Secret       string           `json:"secret,omitempty" doc:"What its messages are signed with. Only in the answer that made it."`
}

func viewEndpoint(e jobs.Endpoint) endpointView {
	return endpointView{
		ID: e.ID, URL: e.URL, Owner: e.Owner, Everyone: e.Everyone, Events: e.Events, Kinds: e.Kinds, Enabled: e.Enabled,
		Disabled: e.Disabled, PausedAt: utc(e.PausedAt), FailingSince: utc(e.FailingAt), CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC(),
	}
}

type endpointInput struct {
	ID string `path:"id" doc:"Id of the endpoint."`
}

type endpointsOutput struct {
	Body list[endpointView]
}

type endpointOutput struct {
	Body endpointView
}

func (s *Server) listEndpoints(ctx context.Context, _ *struct{}) (*endpointsOutput, error) {
	identity := caller(ctx)
	owner := identity.Owner
	if identity.Admin {
		owner = ""
	}
	endpoints, err := s.store.Endpoints(ctx, owner)
	if err != nil {
		return nil, err
	}
	endpoints = slices.DeleteFunc(endpoints, func(e jobs.Endpoint) bool { return !identity.MayHear(e.Owner, e.Everyone) })
	return &endpointsOutput{listOf(endpoints, viewEndpoint)}, nil
}

// ownEndpoint reads the endpoint that a request names, if the caller may touch it.
func (s *Server) ownEndpoint(ctx context.Context, text string) (jobs.Endpoint, error) {
	id, err := parseID(text)
	if err != nil {
		return jobs.Endpoint{}, err
	}
	const refusal = "The endpoint belongs to another owner."
	endpoint, err := look(ctx, s, refusal, func(ctx context.Context) (jobs.Endpoint, error) { return s.store.Endpoint(ctx, id) })
	if err != nil {
		return jobs.Endpoint{}, err
	}
	if !caller(ctx).MayHear(endpoint.Owner, endpoint.Everyone) {
		return jobs.Endpoint{}, newProblem(codeForbidden, refusal)
	}
	return endpoint, nil
}

func (s *Server) getEndpoint(ctx context.Context, in *endpointInput) (*endpointOutput, error) {
	endpoint, err := s.ownEndpoint(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &endpointOutput{viewEndpoint(endpoint)}, nil
}

func (s *Server) createEndpoint(ctx context.Context, _ *struct{}) (*endpointOutput, error) {
	request, err := readBody[endpointRequest](ctx)
	if err != nil {
		return nil, err
	}
	identity := caller(ctx)
	endpoint := jobs.Endpoint{
		ID: uuid.Must(uuid.NewV7()), Owner: request.Owner, Everyone: request.Everyone, URL: request.URL, Events: request.Events, Kinds: request.Kinds,
		Enabled: request.Enabled == nil || *request.Enabled,
	}
	if endpoint.Owner == "" {
		endpoint.Owner = identity.Owner
	}
	if !identity.May(endpoint.Owner) || request.Everyone && !identity.ForEveryone() {
		return nil, newProblem(codeForbidden, "Only a key with actAsOwner hears of another owner's tasks.")
	}
	if endpoint.Events == nil {
		endpoint.Events = jobs.Ends()
	}
	if endpoint.Kinds == nil {
		endpoint.Kinds = []string{}
	}
	if err := s.checkEndpoint(endpoint, request.Headers); err != nil {
		return nil, err
	}
	whose, text := webhook.OfEndpoint(endpoint.ID), webhook.NewSecret()
	endpoint.Signing.Secrets = s.seal.Secrets(whose, text)
	if endpoint.Headers, err = s.seal.Headers(whose, request.Headers); err != nil {
		return nil, err
	}
	callOf(ctx).about(endpoint.ID.String())
	err = s.store.CreateEndpoint(ctx, endpoint, maxEndpoints)
	if errors.Is(err, jobs.ErrTooMany) {
		return nil, newProblem(codeInvalidRequest, fmt.Sprintf("The owner has %d endpoints. Delete one first.", maxEndpoints))
	}
	if err != nil {
		return nil, err
	}
	return s.endpointNow(ctx, endpoint.ID, text)
}

// endpointNow answers with an endpoint as it is, and with its secret if that was just made.
func (s *Server) endpointNow(ctx context.Context, id uuid.UUID, secret string) (*endpointOutput, error) {
	endpoint, err := s.store.Endpoint(ctx, id)
	if err != nil {
		return nil, err
	}
	view := viewEndpoint(endpoint)
	view.Secret = secret
	return &endpointOutput{view}, nil
}

// checkEndpoint looks at what a user may choose.
func (s *Server) checkEndpoint(e jobs.Endpoint, headers map[string]string) error {
	var c checked
	if err := s.policy.CheckURL(e.URL); err != nil {
		c.refuse(true, "/url", "format", err.Error())
	}
	if err := webhook.CheckHeaders(headers); err != nil {
		c.refuse(true, "/headers", "format", err.Error())
	}
	c.refuse(!jobs.ValidOwner(e.Owner), "/owner", "pattern", fmt.Sprintf("must be 1 to %d printable bytes", maxOwner))
	c.refuse(len(e.Events) == 0, "/events", "minItems", "must have one at least")
	for i, event := range e.Events {
		c.refuse(!slices.Contains(jobs.Heard(), event), fmt.Sprintf("/events/%d", i), "enum", fmt.Sprintf("must be one of %v", jobs.Heard()))
	}
	c.refuse(len(e.Kinds) > 100, "/kinds", "maxItems", "must be at most 100")
	for i, kind := range e.Kinds {
		c.checkName(kind, fmt.Sprintf("/kinds/%d", i))
	}
	if len(c.faults) > 0 {
		return newProblem(codeInvalidRequest, "", c.faults...)
	}
	return nil
}

func (s *Server) changeEndpoint(ctx context.Context, in *endpointInput) (*endpointOutput, error) {
	change, err := readBody[endpointChange](ctx)
	if err != nil {
		return nil, err
	}
	return s.alterEndpoint(ctx, in, func(endpoint *jobs.Endpoint, _ time.Time) (err error) {
		var headers map[string]string
		setGiven(&endpoint.URL, change.URL)
		setGiven(&endpoint.Events, change.Events)
		setGiven(&endpoint.Kinds, change.Kinds)
		setGiven(&endpoint.Enabled, change.Enabled)
		setGiven(&headers, change.Headers)
		if err := s.checkEndpoint(*endpoint, headers); err != nil {
			return err
		}
		if change.Headers != nil {
			endpoint.Headers, err = s.seal.Headers(webhook.OfEndpoint(endpoint.ID), headers)
		}
		return err
	})
}

// alterEndpoint changes an endpoint that the caller may touch, and answers with it.
func (s *Server) alterEndpoint(ctx context.Context, in *endpointInput, change func(*jobs.Endpoint, time.Time) error) (*endpointOutput, error) {
	endpoint, err := s.ownEndpoint(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.store.ChangeEndpoint(ctx, endpoint.ID, change); err != nil {
		return nil, err
	}
	return s.endpointNow(ctx, endpoint.ID, "")
}

func (s *Server) deleteEndpoint(ctx context.Context, in *endpointInput) (*struct{}, error) {
	endpoint, err := s.ownEndpoint(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.store.RemoveEndpoint(ctx, endpoint.ID)
}

func (s *Server) pauseEndpoint(ctx context.Context, in *endpointInput) (*endpointOutput, error) {
	return s.alterEndpoint(ctx, in, func(endpoint *jobs.Endpoint, now time.Time) error {
		if endpoint.PausedAt == nil {
			endpoint.PausedAt = &now
		}
		return nil
	})
}

func (s *Server) resumeEndpoint(ctx context.Context, in *endpointInput) (*endpointOutput, error) {
	return s.alterEndpoint(ctx, in, func(endpoint *jobs.Endpoint, _ time.Time) error {
		endpoint.PausedAt = nil
		return nil
	})
}

func (s *Server) rotateEndpoint(ctx context.Context, in *endpointInput) (*endpointOutput, error) {
	request, err := readBody[rotateRequest](ctx)
	if err != nil {
		return nil, err
	}
	keep, err := request.keep()
	if err != nil {
		return nil, err
	}
	var text string
	output, err := s.alterEndpoint(ctx, in, func(endpoint *jobs.Endpoint, now time.Time) (err error) {
		text, endpoint.Signing, err = s.seal.Replace(webhook.OfEndpoint(endpoint.ID), endpoint.Signing, now, keep)
		return err
	})
	if err == nil {
		output.Body.Secret = text
	}
	return output, err
}

func (s *Server) testEndpoint(ctx context.Context, in *endpointInput) (*deliveryOutput, error) {
	endpoint, err := s.ownEndpoint(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	id, err := s.store.TestEndpoint(ctx, endpoint.ID)
	if err != nil {
		return nil, err
	}
	return s.deliveryNow(ctx, id)
}

// taskWebhook is a task's own webhook, for whoever has a secret that signs for it.
func (s *Server) taskWebhook(identity jobs.Identity, address string) (jobs.TaskWebhook, error) {
	if address == "" {
		return jobs.TaskWebhook{}, nil
	}
	message := ""
	if err := s.policy.CheckURL(address); err != nil {
		message = err.Error()
	}
	switch {
	case identity.Signs:
	case identity.Key == jobs.GivenKey:
		message = "needs a signing secret: start the server with FRESHET_WEBHOOK_SECRET, or use an endpoint"
	default:
		message = "needs an API key with a signing secret; use an endpoint, or rotate the key"
	}
	if message != "" {
		return jobs.TaskWebhook{}, newProblem(codeInvalidRequest, "", fault{"/webhookUrl", "format", message})
	}
	return jobs.TaskWebhook{URL: address, Key: identity.Key}, nil
}
