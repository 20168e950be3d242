package api_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"freshet/api"
)

// riverScript stands in River UI's page, as River UI 0.18 has one.
const riverScript = "\n      window.__riverUiBasePath = () => \"/river\";\n    "

// riverUIStandIn speaks the routes of River UI with the prefix /river. It keeps what it was asked.
type riverUIStandIn struct {
	*httptest.Server
	asked chan *http.Request
}

func newRiverUIStandIn(t *testing.T) *riverUIStandIn {
	t.Helper()
	ui := &riverUIStandIn{asked: make(chan *http.Request, 100)}
	mux := http.NewServeMux()
	say := func(contentType, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			header := w.Header()
			header.Set("Content-Type", contentType)
			header.Set("Set-Cookie", "freshet_session=stolen")
			header.Set("Access-Control-Allow-Origin", "*")
			header.Set("Content-Security-Policy", "default-src *")
			header.Set("Cache-Control", "public")
			header.Set("ETag", `"v1"`)
			_, _ = io.WriteString(w, text)
		}
	}
	page := say("text/html; charset=utf-8", `<!doctype html><script type="application/json" id="config__json">{}</script><script>`+riverScript+
		`</script><script type="module" src="/river/assets/index.js"></script><div id="root"></div>`)
	mux.HandleFunc("GET /river/", page) // also of addresses that only the page itself knows
	mux.HandleFunc("GET /river/assets/index.js", say("text/javascript; charset=utf-8", "render()"))
	mux.HandleFunc("GET /river/api/health-checks/{name}", say("application/json", `{"status":"ok"}`))
	mux.HandleFunc("GET /river/api/jobs", say("application/json", `{"data":[{"id":7,"kind":"freshet_attempt"}]}`))
	mux.HandleFunc("GET /river/api/queues", say("application/json", `{"data":[{"name":"pool_default"}]}`))
	mux.HandleFunc("POST /river/api/jobs/cancel", say("application/json", `{"status":"ok"}`))
	mux.HandleFunc("GET /river/api/to/{where}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", map[string]string{
			"within": "/river/jobs?state=running", "whole": ui.URL + "/river/jobs", "elsewhere": "https://evil.example/river/", "slashes": "//evil.example/river/",
			"up": "/v1/tasks", "dots": "/river/../v1/tasks", "odd": "javascript:alert(1)",
		}[r.PathValue("where")])
		w.WriteHeader(http.StatusMovedPermanently)
		_, _ = io.WriteString(w, `<a href="`+ui.URL+`">moved</a>`)
	})
	mux.HandleFunc("GET /river/api/packed", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			packer := gzip.NewWriter(w)
			_, _ = io.WriteString(packer, `{"packed":true}`)
			_ = packer.Close()
		}
	})
	ui.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ui.asked <- r.Clone(t.Context())
		if user, password, _ := r.BasicAuth(); user != "ops" || password != "s:cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="River UI"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(ui.Close)
	return ui
}

// address is where it is, with the user and the password that it wants.
func (ui *riverUIStandIn) address(t *testing.T) *url.URL {
	t.Helper()
	address, err := url.Parse(ui.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("ops", "s:cret")
	return address
}

// last is what it was asked last; nil: nothing.
func (ui *riverUIStandIn) last() (request *http.Request) {
	for {
		select {
		case request = <-ui.asked:
		default:
			return request
		}
	}
}

func newRiverRig(t *testing.T, changes ...func(*api.Config)) (*rig, *riverUIStandIn) {
	t.Helper()
	ui := newRiverUIStandIn(t)
	return newRig(t, append(changes, func(c *api.Config) { c.RiverUI = ui.address(t) })...), ui
}

// visit makes a request as a browser does that shows a page, and follows nothing.
func (r *rig) visit(method, path string, header ...string) answer {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.http.URL+path, http.NoBody)
	r.ok(err)
	request.Header.Set("Accept", "text/html,*/*;q=0.8")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	r.ok(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	r.ok(err)
	return answer{r.t, response.StatusCode, response.Header, string(body)}
}

func TestAdminReadsRiverUIStandIn(t *testing.T) {
	t.Parallel()
	r, ui := newRiverRig(t)
	cookie := r.signIn("root", true)
	for path, want := range map[string]string{
		"/river/": `<div id="root">`, "/river/jobs": `<div id="root">`, "/river/jobs/7": `<div id="root">`, "/river/assets/index.js": "render()",
		"/river/api/jobs?state=running&limit=20": "freshet_attempt", "/river/api/queues": "pool_default",
		"/river/api/health-checks/minimal": "ok", "/river/api/packed": "packed",
	} {
		a := r.visit(http.MethodGet, path, "Cookie", cookie).want(http.StatusOK)
		if !strings.Contains(a.body, want) {
			t.Errorf("%s: %s", path, a.body)
		}
		if asked := ui.last(); asked == nil || asked.URL.RequestURI() != path {
			t.Errorf("%s: River UI was asked for %v", path, asked)
		}
		if length := a.header.Get("Content-Length"); length != "" && length != fmt.Sprint(len(a.body)) {
			t.Errorf("%s: Content-Length %s of %d bytes", path, length, len(a.body))
		}
	}
	if a := r.visit(http.MethodHead, "/river/", "Cookie", cookie); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: status %d, %q", a.status, a.body)
	}
	if a := r.visit(http.MethodGet, "/river", "Cookie", cookie); a.status != http.StatusSeeOther || a.header.Get("Location") != "/river/" {
		t.Errorf("without the slash: status %d to %q", a.status, a.header.Get("Location"))
	}
	if acts := decode[struct{ Data []any }](r.call(root, http.MethodGet, "/v1/audit?action=river", "").want(http.StatusOK)); len(acts.Data) != 0 {
		t.Errorf("reads are in the audit log: %v", acts)
	}
}

// River UI writes past the tasks: it is for reading, to whoever asks.
func TestRiverUIStandInIsReadOnly(t *testing.T) {
	t.Parallel()
	r, ui := newRiverRig(t)
	cookie := r.signIn("root", true)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodConnect, http.MethodTrace, "PROPFIND"} {
		for _, path := range []string{"/river/", "/river/api/jobs/cancel", "/river/api/queues/pool_default/pause"} {
			for _, header := range [][]string{{"Cookie", cookie}, {"Authorization", "Bearer " + root}} {
				a := r.visit(method, path, append(header, "Sec-Fetch-Site", "same-origin", "X-HTTP-Method-Override", "GET")...)
				if a.status != http.StatusMethodNotAllowed {
					t.Errorf("%s %s: status %d: %s", method, path, a.status, a.body)
				}
			}
		}
	}
	r.visit(http.MethodPost, "/river/api/jobs/cancel", "Cookie", cookie).refused(http.StatusMethodNotAllowed, "method_not_allowed", "")
	r.visit(http.MethodGet, "/river/", "Cookie", cookie, "X-HTTP-Method-Override", "POST", "Upgrade", "websocket", "Connection", "upgrade").want(http.StatusOK)
	if asked := ui.last(); asked.Method != http.MethodGet || asked.Header.Get("Upgrade")+asked.Header.Get("X-Http-Method-Override") != "" {
		t.Errorf("River UI was asked %s with %v", asked.Method, asked.Header)
	}
	if more := ui.last(); more != nil {
		t.Errorf("River UI was asked %s %s", more.Method, more.URL)
	}
}

func TestRiverUIStandInIsForAdmins(t *testing.T) {
	t.Parallel()
	r, ui := newRiverRig(t)
	user := r.signIn("ada", false)
	r.visit(http.MethodGet, "/river/", "Cookie", user).refused(http.StatusForbidden, "forbidden", "")
	r.visit(http.MethodGet, "/river/", "Authorization", "Bearer "+ada).refused(http.StatusForbidden, "forbidden", "")
	r.visit(http.MethodGet, "/river/api/jobs", "Accept", "application/json").refused(http.StatusUnauthorized, "unauthorized", "")
	r.visit(http.MethodGet, "/river/api/jobs", "Accept", "application/json", "Cookie", "__Host-freshet_session=guess").refused(http.StatusUnauthorized, "unauthorized", "")
	for _, cookie := range []string{"", "__Host-freshet_session=guess"} {
		a := r.visit(http.MethodGet, "/river/jobs?state=running&x=1", "Cookie", cookie)
		if want := "/login?to=" + url.QueryEscape("/river/jobs?state=running&x=1"); a.status != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("a stranger: status %d to %q, want %s", a.status, a.header.Get("Location"), want)
		}
	}
	if asked := ui.last(); asked != nil {
		t.Errorf("River UI was asked for %s", asked.URL)
	}
	for cookie, shown := range map[string]bool{user: false, r.signIn("root", true): true, "a=b": false} {
		if home := r.visit(http.MethodGet, "/", "Cookie", cookie); strings.Contains(home.body, `href="/river/"`) != shown {
			t.Errorf("the first page, shown %v: %s", shown, home.body)
		}
	}
}

// Who was sent to sign in comes back, to River UI and nowhere else.
func TestSigningInLeadsBackToRiverUI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	own := []string{"Sec-Fetch-Site", "same-origin", "Content-Type", "application/x-www-form-urlencoded"}
	page := r.visit(http.MethodGet, "/login?to="+url.QueryEscape(`/river/jobs?a="><b>&c=d`)).want(http.StatusOK)
	if !strings.Contains(page.body, `name="to" value="/river/jobs?a=&#34;&gt;&lt;b&gt;&amp;c=d"`) {
		t.Errorf("the form does not keep where to go: %s", page.body)
	}
	for to, want := range map[string]string{
		"/river/jobs?state=running&x=1": "/river/jobs?state=running&x=1", "/river/": "/river/", "": "/", "/v1/tasks": "/", "/river": "/",
		"https://evil.example/river/": "/", "//evil.example/river/": "/", "/river/../v1/tasks": "/", `/river/\evil`: "/", "/river//evil.example": "/",
		"/river/%2e%2e/v1": "/", "javascript:alert(1)": "/", "river/": "/", "/river/a%0d%0aX: y": "/", "\x00": "/",
	} {
		form := url.Values{"code": {r.link("root", true, time.Minute)}, "to": {to}}.Encode()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.http.URL+"/login", strings.NewReader(form))
		r.ok(err)
		for i := 0; i < len(own); i += 2 {
			request.Header.Set(own[i], own[i+1])
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		r.ok(err)
		r.ok(response.Body.Close())
		if location := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || location != want {
			t.Errorf("to %q: status %d to %q, want %s", to, response.StatusCode, location, want)
		}
	}
}

// Nothing that proves who the admin is reaches River UI, and what comes back is held to our own rules.
func TestHeadersToAndFromRiverUIStandIn(t *testing.T) {
	t.Parallel()
	r, ui := newRiverRig(t, func(c *api.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	cookie := r.signIn("root", true)
	a := r.visit(http.MethodGet, "/river/", "Cookie", cookie+"; other=1", "X-Forwarded-For", "6.6.6.6, 192.0.2.1", "X-Forwarded-Host", "evil.example",
		"X-Forwarded-Proto", "gopher", "Forwarded", "for=6.6.6.6", "X-Secret", "1", "Connection", "X-Secret", "Accept-Language", "de", "Proxy-Authorization", "Basic x").want(http.StatusOK)
	asked := ui.last()
	for name, want := range map[string]string{
		"Cookie": "", "Forwarded": "", "X-Secret": "", "Proxy-Authorization": "", "Accept-Language": "de", "X-Forwarded-For": "192.0.2.1",
		"X-Forwarded-Proto": "https", "X-Forwarded-Host": strings.TrimPrefix(r.http.URL, "http://"), "X-Request-Id": a.header.Get("X-Request-Id"),
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("ops:s:cret")),
	} {
		if got := asked.Header.Get(name); got != want {
			t.Errorf("River UI was sent %s: %q, want %q", name, got, want)
		}
	}
	r.visit(http.MethodGet, "/river/api/jobs", "Authorization", "Bearer "+root).want(http.StatusOK)
	if got := ui.last().Header.Get("Authorization"); strings.Contains(got, root) {
		t.Errorf("River UI was sent %q", got)
	}
	hash := sha256.Sum256([]byte(riverScript))
	for name, want := range map[string]string{
		"Set-Cookie": "", "Access-Control-Allow-Origin": "", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Etag": `"v1"`,
		"Content-Security-Policy": "default-src 'none'; script-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
			"'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		if got := strings.Join(a.header.Values(name), " | "); got != want {
			t.Errorf("the browser was sent %s: %q, want %q", name, got, want)
		}
	}
}

func TestRedirectsOfRiverUIStandIn(t *testing.T) {
	t.Parallel()
	r, ui := newRiverRig(t)
	cookie := r.signIn("root", true)
	for where, want := range map[string]string{"within": "/river/jobs?state=running", "whole": "/river/jobs"} {
		a := r.visit(http.MethodGet, "/river/api/to/"+where, "Cookie", cookie).want(http.StatusMovedPermanently)
		if a.header.Get("Location") != want || strings.Contains(a.body, ui.URL) {
			t.Errorf("%s: to %q: %s", where, a.header.Get("Location"), a.body)
		}
	}
	for _, where := range []string{"elsewhere", "slashes", "up", "dots", "odd"} {
		a := r.visit(http.MethodGet, "/river/api/to/"+where, "Cookie", cookie)
		if a.refused(http.StatusServiceUnavailable, "unavailable", ""); a.header.Get("Location") != "" {
			t.Errorf("%s: to %q", where, a.header.Get("Location"))
		}
	}
}

// An address that somebody on the way, or River UI itself, could read as one above /river/ goes nowhere.
func TestPathTricksOfRiverUIStandIn(t *testing.T) {
	t.Parallel()
	r, ui := newRiverRig(t)
	cookie := r.signIn("root", true)
	for path, status := range map[string]int{
		"/river/../v1/tasks": 400, "/river/./": 400, "/river//evil.example/": 400, "/river/a/..": 400, "/river/%2e%2e/v1": 400, "/river/..%2fv1": 400,
		"/river/a%2fb": 400, `/river/%5c..%5cv1`: 400, "/river/%00": 400, "/river/%ff": 400, "/river/?a=%00": 400, "//river/": 404, "//evil.example/river/": 404, "/riverside/": 404,
		"/%72iver/": 404, "/river%2f": 404, "/River/": 404, "/x/../river/": 404, "/river/a;b": 200,
	} {
		a := r.visit(http.MethodGet, path, "Cookie", cookie)
		if a.status != status {
			t.Errorf("%s: status %d, want %d: %s", path, a.status, status, a.body)
		}
		if asked := ui.last(); (asked != nil) != (status == http.StatusOK) {
			t.Errorf("%s: River UI was asked for %v", path, asked)
		}
	}
}

func TestRiverUIIsAway(t *testing.T) {
	t.Parallel()
	r, ui := newRiverRig(t)
	cookie := r.signIn("root", true)
	ui.Close()
	a := r.visit(http.MethodGet, "/river/", "Cookie", cookie)
	a.refused(http.StatusServiceUnavailable, "unavailable", "")
	if strings.Contains(a.body+r.log.String(), "s:cret") || strings.Contains(a.body, strings.TrimPrefix(ui.URL, "http://")) {
		t.Errorf("it tells too much: %s\n%s", a.body, r.log)
	}
	r.logged("connection refused")
}

func TestRiverUIStandInThatRefusesThePassword(t *testing.T) {
	t.Parallel()
	ui := newRiverUIStandIn(t)
	r := newRig(t, func(c *api.Config) {
		c.RiverUI = ui.address(t)
		c.RiverUI.User = nil
	})
	a := r.visit(http.MethodGet, "/river/", "Cookie", r.signIn("root", true))
	a.refused(http.StatusServiceUnavailable, "unavailable", "")
	if a.header.Get("WWW-Authenticate") != "" {
		t.Error("the browser is asked for River UI's password")
	}
	r.logged("status 401")
}

func TestWithoutRiverUI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie := r.signIn("root", true)
	for _, path := range []string{"/river", "/river/", "/river/api/jobs"} {
		r.visit(http.MethodGet, path, "Cookie", cookie).refused(http.StatusNotFound, "not_found", "")
	}
	if home := r.visit(http.MethodGet, "/", "Cookie", cookie); strings.Contains(home.body, "/river") {
		t.Errorf("the first page leads to nothing: %s", home.body)
	}
}
