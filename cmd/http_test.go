package cmd_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"freshet/jobs/webhook"
)

const routeSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

const routeKinds = `
kinds:
  - name: thumbnail
    http: {url: "${APP_URL}/api/tasks/thumbnail"}
  - name: nothing
    command: [/bin/true]
    pool: other
pools: {other: {}}
`

// A worker that could not make its requests does not start, and says what it lacks, before it looks for
// the database.
func TestWorkerThatCannotAskItsRoutes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app, secret, says string
	}{
		"no address":        {"", routeSecret, "kind thumbnail: http.url: variable APP_URL is not set"},
		"no real address":   {"app.example.com", routeSecret, "kind thumbnail: http.url: must be an http or https address"},
		"no secret":         {"https://app.example.com", "", "FRESHET_WEBHOOK_SECRET is not set; the requests of kind thumbnail are signed with it"},
		"no real secret":    {"https://app.example.com", routeSecret + ",hunter2", "FRESHET_WEBHOOK_SECRET: secret 2 is not whsec_ and 24 to 64 bytes in base64"},
		"all that it needs": {"https://app.example.com", routeSecret, "DATABASE_URL is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, routeKinds)
			for variable, value := range map[string]string{"APP_URL": test.app, "FRESHET_WEBHOOK_SECRET": test.secret} {
				if value != "" {
					p.env = append(p.env, variable+"="+value)
				}
			}
			if r := p.must(78, "worker", "--allow-root-children"); !strings.Contains(r.stderr, test.says) || strings.Contains(r.stderr, "hunter2") {
				t.Errorf("it says %s", r.stderr)
			}
			if r := p.must(78, "worker", "--pool", "other", "--allow-root-children"); test.secret == routeSecret && !strings.Contains(r.stderr, "DATABASE_URL is not set") {
				t.Errorf("a worker of commands alone says %s", r.stderr)
			}
		})
	}
}

// TestRoute runs tasks of an http kind through the whole program: one completes, and one is cancelled
// while its route works.
func TestRoute(t *testing.T) {
	t.Parallel()
	secrets, err := webhook.ParseSecrets(routeSecret)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, err := secrets.Verify(r.Header, body, time.Now()); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.WriteString(w, `{"progress":40,"message":"half"}`+"\n")
		_ = http.NewResponseController(w).Flush()
		if strings.Contains(string(body), "wait") {
			<-r.Context().Done()
			close(gone)
			return
		}
		_, _ = io.WriteString(w, `{"output":{"width":3}}`+"\n")
	}))
	t.Cleanup(app.Close)
	p := newProgram(t, routeKinds)
	p.env = append(p.env, "APP_URL="+app.URL, "FRESHET_WEBHOOK_SECRET="+routeSecret)
	p.start()
	if done := p.followed(0, "thumbnail"); string(done.Output) != `{"width":3}` {
		t.Errorf("task %+v", done)
	}
	id := p.submit("thumbnail", "--input", `{"act":"wait"}`)
	p.until("the route works", func() bool { return p.task(id).Progress == 40 })
	p.must(0, "cancel", id)
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the connection is not closed")
	}
	p.until("the task is cancelled", func() bool { return p.task(id).State == "cancelled" })
}
