package control_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"freshet/jobs/webhook"
)

// message is one that arrived.
type message struct {
	id, body string
	header   http.Header
	path     string
}

// receiver is a user's app.
type receiver struct {
	*httptest.Server

	mu       sync.Mutex
	answer   func(n int, m message) int // a status; n counts from 1
	messages []message
	open     int
	most     int // open at once
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{answer: func(int, message) int { return http.StatusOK }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		m := message{request.Header.Get(webhook.HeaderID), string(body), request.Header, request.URL.Path}
		r.mu.Lock()
		r.messages = append(r.messages, m)
		r.open++
		r.most = max(r.most, r.open)
		status := r.answer(len(r.messages), m)
		r.mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, http.StatusText(status))
		r.mu.Lock()
		r.open--
		r.mu.Unlock()
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(answer func(n int, m message) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// received are all messages so far, by their id.
func (r *receiver) received() map[string][]message {
	r.mu.Lock()
	defer r.mu.Unlock()
	byID := map[string][]message{}
	for _, m := range r.messages {
		byID[m.id] = append(byID[m.id], m)
	}
	return byID
}

// counted tells whether the metrics have a line.
func (p *post) counted(line string) bool {
	p.t.Helper()
	page := httptest.NewRecorder()
	p.metrics.ServeHTTP(page, httptest.NewRequestWithContext(p.t.Context(), http.MethodGet, "/metrics", nil))
	return strings.Contains(page.Body.String(), line+"\n")
}
