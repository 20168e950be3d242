package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	"freshet/jobs"
)

const (
	sessionCookie = "freshet_session"
	// sessionLife is how long a browser stays signed in.
	sessionLife = 7 * 24 * time.Hour
	// sessionPrefix tells the secret of a script's session, which is no cookie, from API keys.
	sessionPrefix = "frs_"
	// scriptLife is how long a script stays signed in.
	scriptLife = 15 * time.Minute
)

// sessions knows browsers by a cookie. What changes something is taken from our own pages alone: any
// other page could have the browser send its cookie along, so that the cookie proves nothing about who
// wants it.
type sessions struct {
	server *Server
	secure bool // users reach us by https
	own    *http.CrossOriginProtection
}

func newSessions(s *Server) *sessions {
	return &sessions{server: s, secure: strings.HasPrefix(s.publicURL, "https://"), own: http.NewCrossOriginProtection()}
}

// identify finds out who is signed in. Without a session it is nobody, and the error is a problem.
func (s *sessions) identify(ctx context.Context, r *http.Request) (jobs.Identity, error) {
	hash, found := s.hash(r)
	if !found {
		return jobs.Identity{}, newProblem(codeUnauthorized, "").with("WWW-Authenticate", challenge)
	}
	if err := s.own.Check(r); err != nil {
		return jobs.Identity{}, notOwnPage()
	}
	return s.known(ctx, hash)
}

// known finds out whose session the call is made in. The error may be a problem.
func (s *sessions) known(ctx context.Context, hash credential) (jobs.Identity, error) {
	c := callOf(ctx)
	c.let, c.signedIn = hash, true
	identity, err := s.server.store.Session(ctx, hash)
	if errors.Is(err, jobs.ErrNotFound) {
		return identity, notLetIn("The session has ended. Sign in again.")
	}
	return identity, err
}

// newSession makes a session and the secret that is given to its bearer.
func newSession(prefix string, life time.Duration) (secret string, session jobs.Session) {
	secret = prefix + rand.Text() + rand.Text()
	return secret, jobs.Session{Hash: sha256.Sum256([]byte(secret)), ExpiresAt: time.Now().Add(life)}
}

// open signs the browser in that sends the code of a login link. Errors: jobs.ErrNotFound.
func (s *sessions) open(ctx context.Context, w http.ResponseWriter, code string) error {
	secret, session := newSession("", sessionLife)
	if err := s.server.store.Login(ctx, sha256.Sum256([]byte(code)), session); err != nil {
		return err
	}
	http.SetCookie(w, s.started(secret))
	return s.recognize(ctx, session.Hash)
}

// recognize has the logs know whose session it is.
func (s *sessions) recognize(ctx context.Context, hash credential) (err error) {
	callOf(ctx).identity, err = s.server.store.Session(ctx, hash)
	if errors.Is(err, jobs.ErrNotFound) {
		err = nil // it has just ended
	}
	return err
}

// end signs the browser out.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, s.ended())
	hash, found := s.hash(r)
	if !found {
		return nil
	}
	if err := s.recognize(r.Context(), hash); err != nil {
		return err
	}
	return s.server.store.Logout(r.Context(), hash)
}

func (s *sessions) hash(r *http.Request) (hash credential, found bool) {
	cookie, err := r.Cookie(s.name())
	if err != nil || cookie.Value == "" || len(cookie.Value) > maxKeyBytes {
		return hash, false
	}
	return sha256.Sum256([]byte(cookie.Value)), true
}

// name has the prefix with which browsers let nobody but this very host set the cookie (RFC 6265bis,
// section 4.1.3.2). It needs https.
func (s *sessions) name() string {
	if s.secure {
		return "__Host-" + sessionCookie
	}
	return sessionCookie
}

// started is the cookie of a new session, and ended takes it away.
func (s *sessions) started(secret string) *http.Cookie {
	return s.cookie(secret, int(sessionLife.Seconds()))
}

func (s *sessions) ended() *http.Cookie { return s.cookie("", -1) }

func (s *sessions) cookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever there is https; "freshet dev" has none
		Name: s.name(), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	}
}
