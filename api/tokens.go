package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/secret"
)

const (
	// tokenPrefix tells tokens from API keys, also to people who find one somewhere.
	tokenPrefix   = "frt_"
	maxTokenBytes = 8 << 10
	// readTokenLife is how long the token is good that comes with a submit.
	readTokenLife = 15 * time.Minute
)

// tokens makes and reads tokens. A token holds all there is to know of it, signed, so that nothing is
// stored and any replica can read it:
//
//	frt_ base64url(claims as JSON) . base64url(signature)
//
// One that was made in a session is good as long as the session, too.
type tokens struct {
	signer *secret.Signer
	store  *postgres.Store
}

// claims are what a token says.
type claims struct {
	Owner  string       `json:"owner"`
	Tasks  []uuid.UUID  `json:"tasks,omitempty"`
	Scopes []jobs.Scope `json:"scopes"`
	Until  int64        `json:"until"` // seconds since 1970

	Session []byte `json:"session,omitempty"` // its SHA-256
}

// issue makes a token that lets its bearer do what grant says with owner's tasks, for so long, in whole
// seconds. It ends no later than what lets the caller in.
func (t tokens) issue(c *call, owner string, grant jobs.Grant, life time.Duration) (token string, until time.Time, err error) {
	until = time.Now().Add(life)
	if end := c.identity.Until; !end.IsZero() && end.Before(until) {
		until = end
	}
	until = until.Truncate(time.Second).UTC()
	says := claims{Owner: owner, Tasks: grant.Tasks, Scopes: grant.Scopes, Until: until.Unix()}
	if c.signedIn {
		says.Session = c.let[:]
	}
	content, err := json.Marshal(says)
	if err != nil {
		return "", until, fmt.Errorf("make a token: %w", err)
	}
	body := base64.RawURLEncoding.EncodeToString(content)
	return tokenPrefix + body + "." + base64.RawURLEncoding.EncodeToString(t.signer.Sign(body)), until, nil
}

// forTask makes the token with which a browser may watch one task.
func (t tokens) forTask(c *call, task uuid.UUID, owner string) (token string, until time.Time, err error) {
	return t.issue(c, owner, jobs.Grant{Scopes: []jobs.Scope{jobs.ScopeRead}, Tasks: []uuid.UUID{task}}, readTokenLife)
}

// identify finds out whom a token lets in. The error may be a problem.
func (t tokens) identify(ctx context.Context, token string) (jobs.Identity, error) {
	identity, session, err := t.read(token, time.Now())
	if err != nil || session == nil {
		return identity, err
	}
	c := callOf(ctx)
	c.let = credential(session) // streams end with it
	_, err = t.store.Session(ctx, c.let)
	if errors.Is(err, jobs.ErrNotFound) {
		return jobs.Identity{}, notLetIn("The session that the token was made in has ended. Get a new one.")
	}
	return identity, err
}

func wrongToken() *problem { return notLetIn("The token is not good here.") }

// read finds out what a token says: whom it lets in, and in which session it was made. The error is a
// problem.
func (t tokens) read(token string, now time.Time) (identity jobs.Identity, session []byte, err error) {
	body, mac, _ := strings.Cut(strings.TrimPrefix(token, tokenPrefix), ".")
	signature, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if err != nil || !t.signer.Verify(signature, body) {
		return jobs.Identity{}, nil, wrongToken()
	}
	content, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return jobs.Identity{}, nil, wrongToken()
	}
	var said claims
	if err := json.Unmarshal(content, &said); err != nil || said.Session != nil && len(said.Session) != len(credential{}) {
		return jobs.Identity{}, nil, wrongToken()
	}
	until := time.Unix(said.Until, 0)
	if !now.Before(until) {
		return jobs.Identity{}, nil, notLetIn("The token has expired. Get a new one.")
	}
	grant := &jobs.Grant{Scopes: said.Scopes, Tasks: said.Tasks, Token: true}
	return jobs.Identity{Owner: said.Owner, Key: "token", Until: until, Grant: grant}, said.Session, nil
}
