package api

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"freshet/jobs"
)

const (
	loginPath  = "/login"
	logoutPath = "/logout"
	// formMayLoad also lets a page send its forms to us.
	formMayLoad = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	maxForm     = 4 << 10
)

// homeContent is what the first page shows.
type homeContent struct {
	Address string
	Owner   string // who is signed in; empty: nobody
	RiverUI bool   // there is one, for whom is signed in
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	content := homeContent{Address: s.publicURL}
	if content.Address == "" {
		content.Address = "$FRESHET_URL"
	}
	limited, cancel := context.WithTimeout(r.Context(), s.limits.Work)
	defer cancel()
	// Whatever is wrong with the session: the page is for everybody.
	if identity, err := s.sessions.identify(limited, r); err == nil {
		content.Owner, content.RiverUI = identity.Owner, identity.Admin && s.riverUI != nil
	}
	s.form(w, r, http.StatusOK, "home.html", content)
}

// loginContent is what the page shows that signs in.
type loginContent struct {
	Code   string // of the link that led here; empty: there was none
	Failed string // why the last try did not do
	To     string // where to go then; empty: the first page
}

// loginForm only asks: a link may be opened by something that looks ahead, and must not be used up by it.
func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) {
	s.form(w, r, http.StatusOK, "login.html", loginContent{Code: r.URL.Query().Get("code"), To: r.URL.Query().Get("to")})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if !s.ownForm(w, r) {
		return
	}
	limited, cancel := context.WithTimeout(r.Context(), s.limits.Work)
	defer cancel()
	err := s.enter(limited, w, r)
	var refused *problem
	switch {
	case err == nil:
		http.Redirect(w, r, backTo(r.PostForm.Get("to")), http.StatusSeeOther) //nolint:gosec // a path of our own, whatever was wished
	case errors.As(err, &refused) && (refused.Code == codeUnauthorized || refused.Code == codeTooManyLogins):
		maps.Copy(w.Header(), refused.headers)
		s.form(w, r, refused.Status, "login.html", loginContent{Failed: refused.Detail, To: r.PostForm.Get("to")})
	default:
		writeProblem(r.Context(), problemOf(err))
	}
}

// enter signs the browser in by what it sent: the code of a link, or a name and a password.
func (s *Server) enter(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	if !r.PostForm.Has("user") {
		err := s.sessions.open(ctx, w, r.PostForm.Get("code"))
		if errors.Is(err, jobs.ErrNotFound) {
			return notLetIn("This link was used before, or has expired. freshet dev prints a new one when it starts.")
		}
		return err
	}
	name, password := r.PostForm.Get("user"), r.PostForm.Get("password")
	if text := name + password; !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return newProblem(codeInvalidBody, "Name and password must be UTF-8 without NUL.")
	}
	secret, session := newSession("", sessionLife)
	if _, err := s.signIn(ctx, name, password, session); err != nil {
		return err
	}
	http.SetCookie(w, s.sessions.started(secret))
	return nil
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if !s.ownForm(w, r) {
		return
	}
	if err := s.sessions.end(w, r); err != nil {
		writeProblem(r.Context(), problemOf(err))
		return
	}
	http.Redirect(w, r, homePath, http.StatusSeeOther)
}

// ownForm reads a form that one of our own pages sent; anything else it refuses.
func (s *Server) ownForm(w http.ResponseWriter, r *http.Request) bool {
	if s.sessions.own.Check(r) != nil {
		writeProblem(r.Context(), notOwnPage())
		return false
	}
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(s.limits.BodyTime)) // not every connection has one: a test's has not
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		_ = connection.SetReadDeadline(time.Time{})
		return true
	case errors.As(err, &tooLarge):
		writeProblem(r.Context(), newProblem(codeTooLarge, ""))
	default:
		writeProblem(r.Context(), newProblem(codeInvalidBody, ""))
	}
	return false
}

// form answers with a page that is made for this request.
func (s *Server) form(w http.ResponseWriter, r *http.Request, status int, name string, content any) {
	var html bytes.Buffer
	if err := s.templates.ExecuteTemplate(&html, name, content); err != nil {
		writeProblem(r.Context(), problemOf(err))
		return
	}
	header := w.Header()
	header.Set("Content-Type", htmlType)
	header.Set("Content-Security-Policy", formMayLoad)
	w.WriteHeader(status)
	_, _ = w.Write(html.Bytes()) // the client may be gone
}
