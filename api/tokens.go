package api

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
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
type tokens struct{ signer *secret.Signer }

// claims are what a token says.
type claims struct {
	Owner  string       `json:"owner"`
	Tasks  []uuid.UUID  `json:"tasks,omitempty"`
	Scopes []jobs.Scope `json:"scopes"`
	Until  int64        `json:"until"` // seconds since 1970
}

// issue makes a token that lets its bearer do what grant says with owner's tasks, until a whole second.
func (t tokens) issue(owner string, grant jobs.Grant, until time.Time) (string, error) {
	content, err := json.Marshal(claims{owner, grant.Tasks, grant.Scopes, until.Unix()})
	if err != nil {
		return "", err
	}
	body := base64.RawURLEncoding.EncodeToString(content)
	return tokenPrefix + body + "." + base64.RawURLEncoding.EncodeToString(t.signer.Sign(body)), nil
}

// forTask makes the token with which a browser may watch one task.
func (t tokens) forTask(task uuid.UUID, owner string, now time.Time) (token string, until time.Time, err error) {
	until = now.Add(readTokenLife).Truncate(time.Second).UTC()
	token, err = t.issue(owner, jobs.Grant{Scopes: []jobs.Scope{jobs.ScopeRead}, Tasks: []uuid.UUID{task}}, until)
	return token, until, err
}

// read finds out whom a token lets in. The error is a problem.
func (t tokens) read(token string, now time.Time) (jobs.Identity, error) {
	body, mac, _ := strings.Cut(strings.TrimPrefix(token, tokenPrefix), ".")
	signature, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if err != nil || !t.signer.Verify(signature, body) {
		return jobs.Identity{}, notLetIn("The token is not good here.")
	}
	content, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return jobs.Identity{}, notLetIn("The token is not good here.")
	}
	var said claims
	if err := json.Unmarshal(content, &said); err != nil {
		return jobs.Identity{}, notLetIn("The token is not good here.")
	}
	until := time.Unix(said.Until, 0)
	if !now.Before(until) {
		return jobs.Identity{}, notLetIn("The token has expired. Get a new one.")
	}
	grant := &jobs.Grant{Scopes: said.Scopes, Tasks: said.Tasks, Token: true}
	return jobs.Identity{Owner: said.Owner, Key: "token", Until: until, Grant: grant}, nil
}
