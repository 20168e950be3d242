package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"freshet/jobs"
)

func (s *Server) credentialRoutes(r *routes) {
	handle(r, operation{
		id: "list-credentials", method: http.MethodGet, path: "/v1/credentials", tag: "fleet",
		summary: "List the credentials that are held", access: admin,
	}, s.listCredentials)
	handle(r, operation{
		id: "hold-credential", method: http.MethodPost, path: "/v1/credentials/{name}/hold", tag: "fleet",
		summary: "Have tasks wait that use a credential",
		detail:  "Those of the kinds that name it; what runs goes on. They wait with the reason credential_hold.",
		access:  admin, body: reflect.TypeFor[holdRequest](), bodyOptional: true,
		refuses: []code{codeInvalidRequest},
	}, s.holdCredential)
	handle(r, operation{
		id: "release-credential", method: http.MethodPost, path: "/v1/credentials/{name}/release", tag: "fleet",
		summary: "Let tasks that use a credential start again", access: admin, status: http.StatusNoContent,
		refuses: []code{codeNotFound},
	}, s.releaseCredential)
}

// holdRequest says how long a credential is not to be used, and why.
type holdRequest struct {
	Until  *time.Time `json:"until,omitempty" doc:"Until it is released, when absent."`
	Reason string     `json:"reason,omitempty" maxLength:"500" doc:"For people."`
}

// holdView is a credential that must not be used now.
type holdView struct {
	Name   string     `json:"name"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty" doc:"Absent: until it is released."`
	Reason string     `json:"reason,omitempty"`
}

func viewHold(hold jobs.CredentialHold) holdView {
	return holdView{hold.Name, hold.Since.UTC(), utc(hold.Until), hold.Reason}
}

type holdsOutput struct {
	Body list[holdView]
}

func (s *Server) listCredentials(ctx context.Context, _ *struct{}) (*holdsOutput, error) {
	holds, err := s.store.CredentialHolds(ctx)
	if err != nil {
		return nil, err
	}
	return &holdsOutput{listOf(holds, viewHold)}, nil
}

func (s *Server) holdCredential(ctx context.Context, in *nameInput) (*holdsOutput, error) {
	request, err := readBody[holdRequest](ctx)
	if err != nil {
		return nil, err
	}
	var c checked
	c.checkName(in.Name, "/name")
	c.refuse(request.Until != nil && !request.Until.After(time.Now()), "/until", "minimum", "has passed")
	c.refuse(len(request.Reason) > 500, "/reason", "maxLength", "must have at most 500 bytes")
	if len(c.faults) > 0 {
		return nil, newProblem(codeInvalidRequest, "", c.faults...)
	}
	if err := s.store.HoldCredential(ctx, jobs.CredentialHold{Name: in.Name, Until: request.Until, Reason: request.Reason}); err != nil {
		return nil, err
	}
	return s.listCredentials(ctx, nil)
}

func (s *Server) releaseCredential(ctx context.Context, in *nameInput) (*struct{}, error) {
	return nil, s.store.ReleaseCredential(ctx, in.Name)
}
