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
		return jobs.Identity{}, newProblem(codeForbidden, "Another page than one of Freshet's own asks for this. Use an API key.")
	}
	callOf(ctx).let = hash
	identity, err := s.server.store.Session(ctx, hash)
	if errors.Is(err, jobs.ErrNotFound) {
		return identity, notLetIn("The session has ended. Sign in again.")
	}
	return identity, err
}

// open signs the browser in that sends the code of a login link. Errors: jobs.ErrNotFound.
func (s *sessions) open(w http.ResponseWriter, r *http.Request, code string) error {
	secret := rand.Text() + rand.Text()
	session := jobs.Session{Hash: sha256.Sum256([]byte(secret)), ExpiresAt: time.Now().Add(sessionLife)}
	if err := s.server.store.Login(r.Context(), sha256.Sum256([]byte(code)), session); err != nil {
		return err
	}
	http.SetCookie(w, s.cookie(secret, int(sessionLife.Seconds())))
	return nil
}

// end signs the browser out.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, s.cookie("", -1))
	hash, found := s.hash(r)
	if !found {
		return nil
	}
	return s.server.store.Logout(r.Context(), hash)
}

func (s *sessions) hash(r *http.Request) (hash [sha256.Size]byte, found bool) {
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

func (s *sessions) cookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever there is https; "freshet dev" has none
		Name: s.name(), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	}
}
