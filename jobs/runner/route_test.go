package runner_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"freshet/jobs"
	"freshet/jobs/webhook"
)

const (
	routeSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
)

// newRoute is a bench whose kind is a route, served by a handler.
func newRoute(t *testing.T, handler http.HandlerFunc) *bench {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newRouteAt(t, server.URL)
}

func newRouteAt(t *testing.T, address string) *bench {
	t.Helper()
	b := newBench(t, "")
	b.spec.Command, b.spec.Cwd, b.spec.Env, b.spec.Grace, b.spec.LogBytes = nil, "", nil, 0, 0
	b.spec.HTTP = &jobs.HTTP{URL: address + "/api/tasks/test?a=b"}
	b.host.Version = "1.2.3"
	b.host.Secrets = secrets(t, routeSecret)
	return b
}

func secrets(t *testing.T, text string) webhook.Secrets {
	t.Helper()
	parsed, err := webhook.ParseSecrets(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// answers is a route that answers with a type, and writes pieces that are sent one by one.
func answers(mediaType string, pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		for _, piece := range pieces {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func lines(pieces ...string) http.HandlerFunc { return answers("application/x-ndjson", pieces...) }

// cutAfter answers so, and then breaks the connection.
func cutAfter(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		handler(w, r)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// raw answers with bytes of its own, and closes the connection.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}
}
