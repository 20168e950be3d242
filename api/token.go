package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/postgres"
)

func (s *Server) tokenRoutes(r *routes) {
	handle(r, operation{
		id: "create-token", method: http.MethodPost, path: "/v1/tokens", tag: "tokens",
		summary: "Make a token for a browser",
		detail: "It lets whoever has it see, and with the scope cancel also cancel, the tasks of one owner, or only some of " +
			"them, for an hour at most. It can neither submit nor make tokens. It ends no later than the session, or the JWT, of " +
			"who made it. What is open when it ends is closed.",
		body: reflect.TypeFor[tokenRequest](), example: map[string]any{"owner": "user-17", "scopes": []string{"read"}, "ttl": "15m"},
		status:  http.StatusCreated,
		refuses: []code{codeInvalidRequest, codeForbidden, codeNotFound}, plain: true, // it changes nothing, and ends by itself
	}, s.createToken)
}

const (
	maxTokenTasks = 50
	maxTokenLife  = time.Hour
)

// tokenRequest asks for a token.
type tokenRequest struct {
	Tasks  []uuid.UUID  `json:"tasks,omitempty" nullable:"false" maxItems:"50" doc:"Only these tasks, of one owner."`
	Owner  string       `json:"owner,omitempty" maxLength:"255" doc:"Whose tasks; the key's own owner when absent, or that of the tasks. Another one needs a key with actAsOwner."`
	Scopes []jobs.Scope `json:"scopes" nullable:"false" minItems:"1" enum:"read,cancel" doc:"read: see tasks and all that is kept of them. cancel: cancel them."`
	TTL    string       `json:"ttl,omitempty" default:"15m" doc:"How long it is good for; at most 1h."`
}

// tokenView is a new token.
type tokenView struct {
	Token     string    `json:"token" doc:"Send it as an API key: Authorization: Bearer TOKEN."`
	ExpiresAt time.Time `json:"expiresAt"`
}

type tokenOutput struct {
	Body tokenView
}

func (s *Server) createToken(ctx context.Context, _ *struct{}) (*tokenOutput, error) {
	request, err := readBody[tokenRequest](ctx)
	if err != nil {
		return nil, err
	}
	life, err := request.check()
	if err != nil {
		return nil, err
	}
	for i, scope := range request.Scopes {
		if !caller(ctx).Has(scope) {
			return nil, newProblem(codeForbidden, "A key gives away no more than it has.",
				fault{fmt.Sprintf("/scopes/%d", i), string(codeForbidden), "is not a scope of the key"})
		}
	}
	owner, err := s.tokenOwner(ctx, request)
	if err != nil {
		return nil, err
	}
	token, until, err := s.tokens.issue(callOf(ctx), owner, jobs.Grant{Scopes: request.Scopes, Tasks: request.Tasks}, life)
	if err != nil {
		return nil, err
	}
	return &tokenOutput{tokenView{token, until}}, nil
}

// check looks at what can be wrong with a request without the database.
func (r *tokenRequest) check() (life time.Duration, err error) {
	var c checked
	life = readTokenLife
	if r.TTL != "" {
		var ok bool
		life, ok = parseDuration(r.TTL)
		c.refuse(!ok || life < time.Second || life > maxTokenLife, "/ttl", "format", "must be a duration from 1s to 1h")
	}
	c.refuse(len(r.Scopes) == 0, "/scopes", "minItems", "must have read, cancel or both")
	for i, scope := range r.Scopes {
		c.refuse(scope != jobs.ScopeRead && scope != jobs.ScopeCancel, fmt.Sprintf("/scopes/%d", i), "enum", "must be read or cancel")
	}
	c.refuse(len(r.Tasks) > maxTokenTasks, "/tasks", "maxItems", fmt.Sprintf("must be at most %d", maxTokenTasks))
	c.refuse(r.Owner != "" && !jobs.ValidOwner(r.Owner), "/owner", "pattern", fmt.Sprintf("must be 1 to %d printable bytes", maxOwner))
	if len(c.faults) > 0 {
		return 0, newProblem(codeInvalidRequest, "", c.faults...)
	}
	return life, nil
}

// tokenOwner is the owner that a token is to be for, if the caller may give such a token away.
func (s *Server) tokenOwner(ctx context.Context, request tokenRequest) (string, error) {
	identity := caller(ctx)
	owner := request.Owner
	if owner != "" && !identity.May(owner) {
		return "", newProblem(codeForbidden, "Only a key with actAsOwner makes tokens for another owner.",
			fault{"/owner", string(codeForbidden), "is not the key's own owner"})
	}
	if len(request.Tasks) == 0 {
		if owner == "" {
			owner = identity.Owner
		}
		return owner, nil
	}
	// Whose they are is decided below: as everybody, to tell another's task from none.
	heads, _, err := s.store.Heads(postgres.AsEverybody(ctx), request.Tasks, make([]int64, len(request.Tasks)))
	if err != nil {
		return "", err
	}
	for i, id := range request.Tasks {
		at := fmt.Sprintf("/tasks/%d", i)
		known := slices.IndexFunc(heads, func(task jobs.Task) bool { return task.ID == id })
		switch {
		case known < 0:
			return "", newProblem(codeNotFound, "", fault{at, string(codeNotFound), "is no task"})
		case !identity.May(heads[known].Owner):
			return "", newProblem(codeForbidden, "The task belongs to another owner.", fault{at, string(codeForbidden), "is another owner's"})
		case owner != "" && owner != heads[known].Owner:
			return "", newProblem(codeInvalidRequest, "", fault{at, "owner", "belongs to another owner than the token is for"})
		}
		owner = heads[known].Owner
	}
	return owner, nil
}
