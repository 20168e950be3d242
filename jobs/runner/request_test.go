package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/webhook"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	var request *http.Request
	var body []byte
	b := newRoute(t, func(w http.ResponseWriter, r *http.Request) {
		request = r.Clone(context.Background())
		body, _ = io.ReadAll(r.Body)
		answers("application/json", `1`)(w, r)
	})
	wantCompleted(t, b.run(t.Context()))
	want := fmt.Sprintf(`{"taskId":"%s","kind":"test","attempt":2,"owner":"alice","input":{"name":"x y"}}`, b.claim.TaskID)
	if string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
	if got := request.Method + " " + request.RequestURI; got != "POST /api/tasks/test?a=b" {
		t.Errorf("request %s", got)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/x-ndjson, application/json",
		"Accept-Encoding": "identity", "User-Agent": "freshet/1.2.3",
		"Webhook-Id": fmt.Sprintf("%s-%d", b.claim.TaskID, b.claim.Attempt),
	} {
		if got := request.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, err := secrets(t, routeSecret).Verify(request.Header, body, time.Now()); err != nil {
		t.Errorf("signature: %v", err)
	}
	if _, err := secrets(t, otherSecret).Verify(request.Header, body, time.Now()); err == nil {
		t.Error("another secret verifies it too")
	}
}

func TestRequestWithoutInput(t *testing.T) {
	t.Parallel()
	b := newRoute(t, func(w http.ResponseWriter, r *http.Request) {
		var assignment struct{ Input json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&assignment)
		answers("application/json", string(assignment.Input))(w, r)
	})
	b.claim.Input = nil
	if ending := b.run(t.Context()); string(ending.Output) != `{}` {
		t.Errorf("input %s", ending.Output)
	}
}

// While a secret is being replaced, whoever knows either of them can verify a request.
func TestSecretRotation(t *testing.T) {
	t.Parallel()
	b := newRoute(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, secret := range []string{routeSecret, otherSecret} {
			if _, err := secrets(t, secret).Verify(r.Header, body, time.Now()); err != nil {
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	b.host.Secrets = secrets(t, otherSecret+" "+routeSecret)
	wantCompleted(t, b.run(t.Context()))
}

func TestRoutesThatAreNotReached(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	untrusted := httptest.NewUnstartedServer(lines(`{"output":1}`))
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for name, test := range map[string]struct {
		address string
		adjust  func(*bench)
		message string
	}{
		"refused":   {"http://" + closed.Addr().String(), nil, "the route cannot be reached: dial tcp"},
		"no host":   {"http://no-such-host.invalid", nil, "the route cannot be reached"},
		"untrusted": {untrusted.URL, nil, "certificate"},
		"no variable": {
			"${NOT_SET}", nil, "http.url of kind test: variable NOT_SET is not set",
		},
		"no secret": {
			untrusted.URL, func(b *bench) { b.host.Secrets = webhook.Secrets{} }, "no FRESHET_WEBHOOK_SECRET",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRouteAt(t, test.address)
			if test.adjust != nil {
				test.adjust(b)
			}
			ending := b.run(t.Context())
			wantFailure(t, ending, jobs.CodeNotStarted, test.message)
			if ending.Next == nil || ending.Usage != nil || strings.Contains(ending.Failure.Message, "a=b") {
				t.Errorf("next %+v, usage %+v, failure %+v", ending.Next, ending.Usage, ending.Failure)
			}
		})
	}
}

// A proxy that the environment names is not asked: the address is that of the user's own app.
func TestNoProxy(t *testing.T) {
	proxy := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(proxy.Close)
	t.Setenv("HTTP_PROXY", proxy.URL)
	b := newRouteAt(t, "http://no-such-host.invalid") // loopback would never go through a proxy
	wantFailure(t, b.run(t.Context()), jobs.CodeNotStarted, "lookup no-such-host.invalid")
}
