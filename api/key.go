package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"freshet/jobs"
	"freshet/jobs/webhook"
)

func (s *Server) keyRoutes(r *routes) {
	handle(r, operation{
		id: "list-keys", method: http.MethodGet, path: "/v1/keys", tag: "keys",
		summary: "List the API keys, without their secrets", access: admin,
	}, s.listKeys)
	handle(r, operation{
		id: "create-key", method: http.MethodPost, path: "/v1/keys", tag: "keys",
		summary: "Make an API key", detail: "The answer is the only place that its secret is ever shown.",
		access: admin, body: reflect.TypeFor[keyRequest](), status: http.StatusCreated,
		example: map[string]any{"name": "web-app", "actAsOwner": true, "scopes": []string{"read", "cancel", "write"}},
		refuses: []code{codeInvalidRequest, codeNameTaken},
	}, s.createKey)
	handle(r, operation{
		id: "rotate-key", method: http.MethodPost, path: "/v1/keys/{name}/rotate", tag: "keys",
		summary: "Give an API key another secret, and another signing secret",
		detail:  "The ones before stay good for keep, so that whoever uses it can be changed over.",
		access:  admin, body: reflect.TypeFor[rotateRequest](), bodyOptional: true, status: http.StatusCreated,
		refuses: []code{codeInvalidRequest, codeNotFound},
	}, s.rotateKey)
	handle(r, operation{
		id: "delete-key", method: http.MethodDelete, path: "/v1/keys/{name}", tag: "keys",
		summary: "Revoke an API key", detail: "Requests with it are refused within seconds; its streams are closed within a minute.",
		access: admin, status: http.StatusNoContent, refuses: []code{codeInvalidRequest, codeNotFound},
	}, s.deleteKey)
}

const (
	keyPrefix     = "fr_"
	prefixLetters = len(keyPrefix) + 4
	maxKeep       = 30 * 24 * time.Hour
	defaultKeep   = 24 * time.Hour
)

// keyRequest asks for a key.
type keyRequest struct {
	Name       string       `json:"name" pattern:"^[a-z][a-z0-9]*(-[a-z0-9]+)*$" maxLength:"50" example:"web-app"`
	Owner      string       `json:"owner,omitempty" maxLength:"255" doc:"Whose tasks it is for; its name when absent."`
	ActAsOwner bool         `json:"actAsOwner,omitempty" doc:"It may name any owner: for the server of an app, which knows its users."`
	Admin      bool         `json:"admin,omitempty" doc:"It sees and may do everything."`
	Scopes     []jobs.Scope `json:"scopes,omitempty" nullable:"false" enum:"read,cancel,write" doc:"All of them when absent. write: submit, retry, rerun, delete."`
}

type rotateRequest struct {
	Keep string `json:"keep,omitempty" default:"24h" doc:"How long the secret before stays good; at most 30d."`
}

// keyView is an API key.
type keyView struct {
	Name       string       `json:"name"`
	Owner      string       `json:"owner"`
	ActAsOwner bool         `json:"actAsOwner"`
	Admin      bool         `json:"admin"`
	Scopes     []jobs.Scope `json:"scopes" nullable:"false" enum:"read,cancel,write"`
	CreatedAt  time.Time    `json:"createdAt"`
	Secrets    []secretView `json:"secrets" nullable:"false" doc:"The newest first; two while the key is rotated."`
	Key        string       `json:"key,omitempty" doc:"The secret itself. Only in the answer that made it."`
	Signing    string       `json:"signingSecret,omitempty" doc:"Signs what is sent to the webhookUrl of its tasks. Only in the answer that made it."`
}

// secretView is what is shown of a key's secret.
type secretView struct {
	Prefix     string     `json:"prefix" example:"fr_K7QX" doc:"Its first letters."`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty" doc:"To the minute."`
	ExpiresAt  *time.Time `json:"expiresAt,omitempty"`
}

func viewKey(key jobs.Key) keyView {
	return keyView{
		Name: key.Name, Owner: key.Owner, ActAsOwner: key.ActAsOwner, Admin: key.Admin, Scopes: key.Scopes, CreatedAt: key.CreatedAt.UTC(),
		Secrets: listOf(key.Secrets, func(secret jobs.KeySecret) secretView {
			return secretView{secret.Prefix, secret.CreatedAt.UTC(), utc(secret.LastUsedAt), utc(secret.ExpiresAt)}
		}).Items,
	}
}

type keysOutput struct {
	Body list[keyView]
}

type keyOutput struct {
	Body keyView
}

func (s *Server) listKeys(ctx context.Context, _ *struct{}) (*keysOutput, error) {
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	return &keysOutput{listOf(keys, viewKey)}, nil
}

func (s *Server) createKey(ctx context.Context, _ *struct{}) (*keyOutput, error) {
	request, err := readBody[keyRequest](ctx)
	if err != nil {
		return nil, err
	}
	if request.Owner == "" {
		request.Owner = request.Name
	}
	if err := request.check(); err != nil {
		return nil, err
	}
	text, secret := newSecret()
	signing := webhook.NewSecret()
	key := jobs.Key{
		Name: request.Name, Owner: request.Owner, ActAsOwner: request.ActAsOwner, Admin: request.Admin, Scopes: request.Scopes,
		Secrets: []jobs.KeySecret{secret}, Signing: s.seal.Secrets(webhook.OfKey(request.Name), signing),
	}
	callOf(ctx).about(key.Name)
	err = s.store.CreateKey(ctx, key)
	if errors.Is(err, jobs.ErrExists) {
		return nil, nameTaken("key")
	}
	if err != nil {
		return nil, err
	}
	return s.newKey(ctx, request.Name, text, signing)
}

func (r keyRequest) check() error {
	var c checked
	c.checkName(r.Name, "/name")
	c.refuse(r.Name == jobs.GivenKey, "/name", "not", "is that of the key that the server is started with")
	c.refuse(!jobs.ValidOwner(r.Owner), "/owner", "pattern", fmt.Sprintf("must be 1 to %d printable bytes", maxOwner))
	c.refuse(r.Scopes != nil && len(r.Scopes) == 0, "/scopes", "minItems", "must have one at least")
	for i, scope := range r.Scopes {
		c.refuse(scope != jobs.ScopeRead && scope != jobs.ScopeCancel && scope != jobs.ScopeWrite,
			fmt.Sprintf("/scopes/%d", i), "enum", "must be read, cancel or write")
	}
	c.refuse(r.Admin && (r.ActAsOwner || r.Scopes != nil), "/admin", "not", "goes without actAsOwner and scopes: an admin's key may do everything")
	if len(c.faults) > 0 {
		return newProblem(codeInvalidRequest, "", c.faults...)
	}
	return nil
}

// newSecret makes a key's secret, and what is stored of it.
func newSecret() (text string, secret jobs.KeySecret) {
	text = keyPrefix + rand.Text() + rand.Text()
	return text, jobs.KeySecret{Hash: sha256.Sum256([]byte(text)), Prefix: text[:prefixLetters]}
}

// newKey answers with a key whose secret was just made.
func (s *Server) newKey(ctx context.Context, name, text, signing string) (*keyOutput, error) {
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if key.Name == name {
			view := viewKey(key)
			view.Key, view.Signing = text, signing
			return &keyOutput{view}, nil
		}
	}
	return nil, jobs.ErrNotFound
}

func (s *Server) rotateKey(ctx context.Context, in *nameInput) (*keyOutput, error) {
	request, err := readBody[rotateRequest](ctx)
	if err != nil {
		return nil, err
	}
	if err := notGiven(in.Name); err != nil {
		return nil, err
	}
	keep, err := request.keep()
	if err != nil {
		return nil, err
	}
	text, secret := newSecret()
	var signing string
	err = s.store.RotateKey(ctx, in.Name, secret, keep, func(before jobs.Signing, now time.Time) (after jobs.Signing, err error) {
		signing, after, err = s.seal.Replace(webhook.OfKey(in.Name), before, now, keep)
		return after, err
	})
	if err != nil {
		return nil, err
	}
	return s.newKey(ctx, in.Name, text, signing)
}

// keep is how long what is replaced stays good.
func (r rotateRequest) keep() (time.Duration, error) {
	if r.Keep == "" {
		return defaultKeep, nil
	}
	keep, ok := parseDuration(r.Keep)
	if !ok || keep > maxKeep {
		return 0, newProblem(codeInvalidRequest, "", fault{"/keep", "format", "must be a duration such as 24h, at most 30d"})
	}
	return keep, nil
}

func (s *Server) deleteKey(ctx context.Context, in *nameInput) (*struct{}, error) {
	if err := notGiven(in.Name); err != nil {
		return nil, err
	}
	return nil, s.store.RemoveKey(ctx, in.Name)
}

// notGiven refuses to change a key that the next start would make again.
func notGiven(name string) error {
	if name != jobs.GivenKey {
		return nil
	}
	return newProblem(codeInvalidRequest, "This key is given to the server when it starts (FRESHET_API_KEY). Change it there.")
}
