package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"freshet/api"
)

func TestProblemsOfTheRouter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.call(ada, http.MethodGet, "/nothing", "").refused(http.StatusNotFound, "not_found", "")
	r.call("", http.MethodGet, "/v1", "").refused(http.StatusNotFound, "not_found", "")
	r.call("", http.MethodGet, "/v1/tasks/", "").refused(http.StatusNotFound, "not_found", "")
	r.call("", http.MethodGet, "/v1/nothing", "").refused(http.StatusNotFound, "not_found", "")
	for path, allow := range map[string]string{
		"/v1/tasks":                 "GET, POST, HEAD",
		"/v1/tasks/x":               "GET, DELETE, HEAD",
		"/v1/tasks/x/cancel":        "POST",
		"/v1/tasks/%2e%2e%2f/retry": "POST",
		"/healthz":                  "GET, HEAD",
		"/":                         "GET, HEAD",
	} {
		a := r.call(ada, http.MethodPut, path, "{}")
		a.refused(http.StatusMethodNotAllowed, "method_not_allowed", "")
		if a.header.Get("Allow") != allow {
			t.Errorf("%s: Allow %q, want %q", path, a.header.Get("Allow"), allow)
		}
	}
	r.call(ada, "PROPFIND", "/v1/tasks", "").refused(http.StatusMethodNotAllowed, "method_not_allowed", "")
}

func TestOnlyPlainJSONIsRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"kind":"anything"}`
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonx", "nonsense/", "application/cbor"} {
		r.call(ada, http.MethodPost, "/v1/tasks", body, "Content-Type", media).refused(http.StatusUnsupportedMediaType, "unsupported_media_type", "")
	}
	r.call(ada, http.MethodPost, "/v1/tasks", body, "Content-Encoding", "gzip").refused(http.StatusUnsupportedMediaType, "unsupported_media_type", "")
	for _, media := range []string{"application/json", "application/json; charset=utf-8", "APPLICATION/JSON", ""} {
		r.call(ada, http.MethodPost, "/v1/tasks", body, "Content-Type", media).want(http.StatusAccepted)
	}
	for _, accept := range []string{"text/html", "*/*", "application/cbor", "nonsense", ""} {
		a := r.call(ada, http.MethodPost, "/v1/tasks", body, "Accept", accept).want(http.StatusAccepted)
		if a.header.Get("Content-Type") != "application/json" {
			t.Errorf("Accept %q: answered as %s", accept, a.header.Get("Content-Type"))
		}
		r.call("", http.MethodGet, "/v1/tasks", "", "Accept", accept).refused(http.StatusUnauthorized, "unauthorized", "")
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, path := range []string{"/healthz", "/v1/tasks", "/nothing", "/docs"} {
		a := r.call(ada, http.MethodGet, path, "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if a.header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, a.header.Get(name))
			}
		}
		if !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") || a.header.Get("Cache-Control") == "" {
			t.Errorf("%s: headers %v", path, a.header)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: open to all origins", path)
		}
	}
	if a := r.call("", http.MethodGet, "/healthz", ""); a.header.Get("Freshet-Version") != "" || strings.Contains(a.body, "test") {
		t.Errorf("strangers see the version: %v %s", a.header, a.body)
	}
	if a := r.call(ada, http.MethodGet, "/v1/kinds", ""); a.header.Get("Freshet-Version") != "test" {
		t.Errorf("version %q", a.header.Get("Freshet-Version"))
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if a := r.call("", http.MethodGet, "/healthz", "", "X-Request-Id", "trace-7.A_b"); a.header.Get("X-Request-Id") != "trace-7.A_b" {
		t.Errorf("a sane id became %q", a.header.Get("X-Request-Id"))
	}
	seen := map[string]bool{}
	for _, id := range []string{"", `","level":"ERROR`, "a b", "ä", strings.Repeat("x", 65)} {
		a := r.call("", http.MethodGet, "/nothing", "", "X-Request-Id", id)
		got := a.header.Get("X-Request-Id")
		if got == id || got == "" || seen[got] {
			t.Errorf("id %q became %q", id, got)
		}
		seen[got] = true
		r.logged(`"requestId":"` + got + `"`)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(r.log.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log has a line that is no JSON: %s", line)
		}
	}
}

// Whatever a request says is one field of one line of the log.
func TestLogCannotBeForged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	forged := "%0a%7b%22level%22:%22ERROR%22,%22msg%22:%22forged%22%7d%0d%1b[31m"
	for _, path := range []string{"/v1/kinds/" + forged, "/" + forged, "/v1/tasks/" + forged + "/logs?x=" + forged} {
		r.call(ada, http.MethodGet, path, "", "User-Agent", "\u2028{}", "X-Forwarded-For", `","level":"ERROR`)
	}
	var lines []string
	r.until("each request has its line", func() bool {
		lines = strings.Split(strings.TrimSpace(r.log.String()), "\n")
		return len(lines) >= 3
	})
	for _, text := range lines {
		var line struct{ Level, Msg, Path string }
		r.ok(json.Unmarshal([]byte(text), &line))
		if line.Level != "INFO" || line.Msg != "request" || strings.ContainsAny(text, "\r\x1b") || strings.Contains(text, ada) {
			t.Errorf("a line of the log: %s", text)
		}
	}
	if len(lines) != 3 {
		t.Errorf("%d lines of three requests", len(lines))
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.CORSOrigins = []string{"https://app.example.com"} })
	preflight := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization"}
	for _, origin := range []string{"https://evil-app.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null", "https://APP.example.com"} {
		for _, a := range []answer{
			r.call(ada, http.MethodGet, "/v1/tasks", "", "Origin", origin),
			r.call("", http.MethodOptions, "/v1/tasks", "", append(preflight, "Origin", origin)...),
		} {
			if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Vary") != "Origin" {
				t.Errorf("%s is let in: %v", origin, a.header)
			}
		}
	}
	a := r.call("", http.MethodOptions, "/v1/tasks", "", append(preflight, "Origin", "https://app.example.com")...).want(http.StatusNoContent)
	if a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") || a.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %v", a.header)
	}
	for _, path := range []string{"/v1/tasks", "/nothing"} { // problems must be readable too
		a := r.call(ada, http.MethodGet, path, "", "Origin", "https://app.example.com")
		if a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "ETag") {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	r.call(ada, http.MethodOptions, "/v1/tasks", "").refused(http.StatusMethodNotAllowed, "method_not_allowed", "")
	if allowed := a.header.Get("Access-Control-Allow-Headers"); !strings.Contains(allowed, "Last-Event-ID") {
		t.Errorf("a page cannot resume a stream: %s", allowed)
	}
	open := newRig(t, func(c *api.Config) { c.CORSOrigins = []string{"*"} })
	if a := open.call(ada, http.MethodGet, "/v1/tasks", "", "Origin", "https://any.example"); a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("open to all: %v", a.header)
	}
}

func TestCORSOfAnyPort(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.CORSOrigins = []string{"http://localhost:*"} })
	for origin, want := range map[string]string{
		"http://localhost:3000": "http://localhost:3000", "http://localhost:65535": "http://localhost:65535",
		"http://localhost": "", "http://localhost:": "", "http://localhost:99999": "", "http://localhost:3000.evil.example": "",
		"https://localhost:3000": "", "http://evil.example:3000": "", "http://notlocalhost:3000": "",
	} {
		if got := r.call(ada, http.MethodGet, "/v1/tasks", "", "Origin", origin).header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s is answered with %q, want %q", origin, got, want)
		}
	}
}

// raw sends bytes and reads the first answer, and whether another one follows.
func (r *rig) raw(text string) (status int, more bool) {
	r.t.Helper()
	conn, err := new(net.Dialer).DialContext(r.t.Context(), "tcp", r.http.Listener.Addr().String())
	r.ok(err)
	defer conn.Close()
	r.ok(conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte(text))
	r.ok(err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return 0, false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	r.ok(err)
	_, err = reader.Peek(1)
	return response.StatusCode, err == nil
}

func TestSlowBodyIsCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.BodyTime = 100 * time.Millisecond })
	status, more := r.raw("POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + ada + "\r\nContent-Length: 100\r\n\r\n{\"kind\":")
	if status != http.StatusRequestTimeout || more {
		t.Errorf("status %d, more %v", status, more)
	}
	r.call(ada, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted)
}

// Nobody holds a connection by a body that nobody reads.
func TestUnreadBodyIsCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.BodyTime = 100 * time.Millisecond })
	task := r.submit(anything)
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"a stranger's":          {"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", http.StatusUnauthorized},
		"of a missing page":     {"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", http.StatusNotFound},
		"of a cancel":           {"POST /v1/tasks/" + task.ID + "/cancel HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + ada + "\r\nContent-Length: 9\r\n\r\n{", http.StatusOK},
		"of what only is read":  {"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", http.StatusOK},
		"of the page to log in": {"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\ncode=", http.StatusBadRequest},
	} {
		began := time.Now()
		status, more := r.raw(test.request)
		if took := time.Since(began); status != test.status || more || took > patience/2 {
			t.Errorf("%s: status %d, more %v, after %s", name, status, more, took)
		}
	}
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/retry", `{}`).want(http.StatusOK) // one that comes is no harm
}

// HTTP/2 is a proxy's business: there are no streams to be reset here.
func TestOnlyHTTP1IsServed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if status, more := r.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); status != http.StatusMethodNotAllowed || more {
		t.Errorf("prior knowledge: status %d, more %v", status, more)
	}
	const upgrade = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
	if status, more := r.raw(upgrade); status != http.StatusOK || more {
		t.Errorf("upgrade: status %d, more %v", status, more)
	}
}

func TestSmuggledRequestsGetNoAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, head := range map[string]string{
		"length twice":       "Content-Length: 2\r\nContent-Length: 30\r\n",
		"odd encoding":       "Transfer-Encoding: gzip\r\n",
		"encoding twice":     "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		"space before colon": "Content-Length : 2\r\n",
		"host twice":         "Host: y\r\n",
	} {
		status, more := r.raw("POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + ada + "\r\n" + head + "\r\n{}" + smuggled)
		if status < 400 || more {
			t.Errorf("%s: status %d, another answer %v", name, status, more)
		}
	}
	status, _ := r.raw("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + strings.Repeat("x", 1<<20) + "\r\n\r\n")
	if status != http.StatusRequestHeaderFieldsTooLarge && status != 0 { // 0: reset before the answer was read
		t.Errorf("1 MiB of headers: status %d", status)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var hearing atomic.Bool
	r := newRig(t, func(c *api.Config) { c.Hearing = hearing.Load })
	for _, listen := range []string{"missing", "ok"} {
		if a := r.call("", http.MethodGet, "/readyz", "").want(http.StatusOK); !strings.Contains(a.body, `"listen":"`+listen+`"`) {
			t.Errorf("without hints: %s", a.body)
		}
		hearing.Store(true)
	}
	r.call("", http.MethodHead, "/healthz", "").want(http.StatusOK)
	r.store.Pool().Close() // the database is away
	r.call("", http.MethodGet, "/healthz", "").want(http.StatusOK)
	r.call("", http.MethodGet, "/readyz", "").refused(http.StatusServiceUnavailable, "unavailable", "")
}

func TestPanicsSayNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Hub = nil }) // a wait without a hub panics
	task := r.submit(`{"kind":"anything"}`)
	a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"?wait=1s", "")
	a.refused(http.StatusInternalServerError, "internal", "")
	if strings.Contains(a.body, "goroutine") || strings.Contains(a.body, "nil pointer") {
		t.Errorf("the answer tells too much: %s", a.body)
	}
	r.logged("invalid memory address")
	r.call("", http.MethodGet, "/healthz", "").want(http.StatusOK)
}

func TestServeStopsInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	r.ok(err)
	server, err := api.New(t.Context(), api.Config{Store: r.store, Hub: r.hub, Secrets: box(), Logger: discard()})
	r.ok(err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 2)
	go func() { stopped <- server.Serve(ctx, socket) }()
	go func() { stopped <- server.Run(ctx) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+socket.Addr().String()+"/healthz", nil)
	r.ok(err)
	response, err := r.http.Client().Do(request)
	r.ok(err)
	r.ok(response.Body.Close())
	stop()
	for range 2 {
		select {
		case err := <-stopped:
			r.ok(err)
		case <-time.After(patience):
			t.Fatal("the server does not stop")
		}
	}
	if _, err := new(net.Dialer).DialContext(t.Context(), "tcp", socket.Addr().String()); err == nil {
		t.Error("the socket is still open")
	}
}
