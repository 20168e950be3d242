package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"freshet/jobs"
)

func (s *Server) loginRoutes(r *routes) {
	handle(r, operation{
		id: "login", method: http.MethodPost, path: "/auth/login", tag: "users",
		summary: "Sign in with a name and a password",
		detail: "A browser gets a cookie, which is good for seven days. With token, the answer has a secret instead, which is " +
			"sent as an API key and is good for fifteen minutes: for scripts. Both end when the user is changed, disabled or deleted.",
		access: public, body: reflect.TypeFor[loginRequest](), bodySize: smallBody, example: map[string]any{"user": "ada", "password": "correct horse", "token": true},
		refuses: []code{codeUnauthorized, codeForbidden, codeTooManyLogins},
	}, s.loginJSON)
	handle(r, operation{
		id: "logout", method: http.MethodPost, path: "/auth/logout", tag: "users",
		summary: "End the session that the request is made in",
		detail:  "The tokens that were made in it end with it.",
		status:  http.StatusNoContent,
	}, s.logoutJSON)
}

// loginLimits leave room for a bad memory, and none for a list of passwords.
func loginLimits() jobs.LoginLimits {
	return jobs.LoginLimits{Account: 10, Address: 50, Span: 15 * time.Minute}
}

type loginRequest struct {
	User     string `json:"user"`
	Password string `json:"password" format:"password"`
	Token    bool   `json:"token,omitempty" doc:"Answer with a secret for scripts, and set no cookie."`
}

// loginView is who is signed in.
type loginView struct {
	User      string    `json:"user"`
	Admin     bool      `json:"admin"`
	Token     string    `json:"token,omitempty" doc:"Send it as an API key: Authorization: Bearer TOKEN. Only if it was asked for."`
	ExpiresAt time.Time `json:"expiresAt"`
}

type loginOutput struct {
	SetCookie string `header:"Set-Cookie" doc:"The session's cookie."`
	Body      loginView
}

func (s *Server) loginJSON(ctx context.Context, _ *struct{}) (*loginOutput, error) {
	if err := s.sessions.own.Check(callOf(ctx).request); err != nil {
		return nil, notOwnPage()
	}
	request, err := readBody[loginRequest](ctx)
	if err != nil {
		return nil, err
	}
	prefix, life := "", sessionLife
	if request.Token {
		prefix, life = sessionPrefix, scriptLife
	}
	secret, session := newSession(prefix, life)
	admin, err := s.signIn(ctx, request.User, request.Password, session)
	if err != nil {
		return nil, err
	}
	output := &loginOutput{Body: loginView{User: request.User, Admin: admin, ExpiresAt: session.ExpiresAt.UTC()}}
	if request.Token {
		output.Body.Token = secret
	} else {
		output.SetCookie = s.sessions.started(secret).String()
	}
	return output, nil
}

type logoutOutput struct {
	SetCookie string `header:"Set-Cookie" doc:"Takes the session's cookie away."`
}

func (s *Server) logoutJSON(ctx context.Context, _ *struct{}) (*logoutOutput, error) {
	c := callOf(ctx)
	if !c.signedIn {
		return nil, newProblem(codeForbidden, "Only a session can be ended so. A key is deleted by an admin, and a JWT expires.")
	}
	if err := s.store.Logout(ctx, c.let); err != nil {
		return nil, err
	}
	return &logoutOutput{s.sessions.ended().String()}, nil
}

// signIn opens a session for who knows the password of a user. It does the same work and gives the same
// answer whether there is no such user, the user is disabled, or the password is wrong. The error may be a problem.
func (s *Server) signIn(ctx context.Context, name, password string, session jobs.Session) (admin bool, err error) {
	client, _ := s.proxies.client(callOf(ctx).request)
	login := jobs.Login{
		Account: sha256.Sum256([]byte("login account " + name)),
		Address: sha256.Sum256([]byte("login address " + household(client))),
	}
	wait, err := s.store.CountLogin(ctx, login, loginLimits())
	if err != nil {
		return false, err
	}
	if wait > 0 {
		return false, tooManyLogins(wait)
	}
	hash, err := s.store.Password(ctx, name)
	if err != nil && !errors.Is(err, jobs.ErrNotFound) {
		return false, err
	}
	if right, err := s.passwords.Check(ctx, password, hash); err != nil {
		return false, err
	} else if !right {
		return false, wrongLogin()
	}
	admin, err = s.store.SignIn(ctx, name, hash, session, login)
	switch {
	case errors.Is(err, jobs.ErrNotFound):
		return false, wrongLogin()
	case err != nil:
		return false, err
	}
	return admin, s.sessions.recognize(ctx, session.Hash)
}

func wrongLogin() *problem { return notLetIn("The name or the password is wrong.") }

func tooManyLogins(wait time.Duration) *problem {
	seconds := int(wait/time.Second) + 1
	return newProblem(codeTooManyLogins, fmt.Sprintf("Signing in failed too often. Try again in %d minutes.", (seconds+59)/60)).
		with("Retry-After", strconv.Itoa(seconds))
}

func notOwnPage() *problem {
	return newProblem(codeForbidden, "Another page than one of Freshet's own asks for this. Use an API key.")
}
