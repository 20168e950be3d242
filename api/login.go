package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"

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
		content.Owner = identity.Owner
	}
	s.form(w, r, http.StatusOK, "home.html", content)
}

// loginContent is what the page shows that signs in.
type loginContent struct {
	Code   string // of the link that led here; empty: there was none
	Failed bool
}

// loginForm only asks: a link may be opened by something that looks ahead, and must not be used up by it.
func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) {
	s.form(w, r, http.StatusOK, "login.html", loginContent{Code: r.URL.Query().Get("code")})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if !s.ownForm(w, r) {
		return
	}
	err := s.sessions.open(w, r, r.PostForm.Get("code"))
	switch {
	case errors.Is(err, jobs.ErrNotFound):
		s.form(w, r, http.StatusUnauthorized, "login.html", loginContent{Failed: true})
	case err != nil:
		writeProblem(r.Context(), problemOf(err))
	default:
		http.Redirect(w, r, homePath, http.StatusSeeOther)
	}
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
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	switch {
	case s.sessions.own.Check(r) != nil:
		writeProblem(r.Context(), newProblem(codeForbidden, "Another page than one of Freshet's own asks for this."))
	case r.ParseForm() != nil:
		writeProblem(r.Context(), newProblem(codeInvalidBody, ""))
	default:
		return true
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
