package api

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

//go:embed pages
var pageFiles embed.FS

const (
	homePath     = "/"
	docsPath     = "/docs"
	errorsPath   = "/docs/errors"
	stylePath    = "/docs/style.css"
	documentPath = "/openapi.json"

	htmlType = "text/html; charset=utf-8"
	// pageMayLoad is nothing but our own style sheet.
	pageMayLoad = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// pages serves what people look at with a browser. None of it needs a network, and what is the same for
// everybody is made once.
func (s *Server) pages(mux chi.Router, document *huma.OpenAPI, written []byte) error {
	templates, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return fmt.Errorf("parse the pages: %w", err)
	}
	text, err := pageFiles.ReadFile("pages/login.js")
	if err != nil {
		return fmt.Errorf("read the script: %w", err)
	}
	s.templates, s.script = templates, newScript(text)
	mux.Get(homePath, s.home)
	mux.Get(loginPath, s.loginForm)
	mux.Post(loginPath, s.witnessed("sign-in", s.login))
	mux.Post(logoutPath, s.witnessed("sign-out", s.logout))
	for path, page := range map[string]struct {
		template string
		content  any
	}{
		docsPath:   {"docs.html", guide(document)},
		errorsPath: {"errors.html", refusals()},
	} {
		var html bytes.Buffer
		if err := templates.ExecuteTemplate(&html, page.template, page.content); err != nil {
			return fmt.Errorf("make the page %s: %w", path, err)
		}
		mux.Get(path, fixed(htmlType, html.Bytes()))
	}
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return fmt.Errorf("read the style sheet: %w", err)
	}
	mux.Get(stylePath, fixed("text/css; charset=utf-8", style))
	mux.Get(documentPath, fixed("application/openapi+json", written))
	return nil
}

// fixed answers with the same content each time.
func fixed(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Content-Security-Policy", pageMayLoad)
		header.Set("Cache-Control", "no-cache")
		_, _ = w.Write(content) // the client may be gone
	}
}

// chapter is the operations of one tag, for the page of the documentation.
type chapter struct {
	Name, Description string
	Operations        []*huma.Operation
}

// guide sorts the operations of the document into chapters.
func guide(document *huma.OpenAPI) []chapter {
	chapters := make([]chapter, len(document.Tags))
	for i, tag := range document.Tags {
		chapters[i] = chapter{Name: tag.Name, Description: tag.Description}
		for _, item := range document.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					chapters[i].Operations = append(chapters[i].Operations, op)
				}
			}
		}
		slices.SortFunc(chapters[i].Operations, func(a, b *huma.Operation) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
		})
	}
	return chapters
}
