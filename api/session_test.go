package api_test

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

// link makes a link that signs owner in, and returns its code.
func (r *rig) link(owner string, admin bool, life time.Duration) string {
	r.t.Helper()
	code := rand.Text()
	r.ok(r.store.SaveLoginLink(r.t.Context(), jobs.Session{
		Hash: sha256.Sum256([]byte(code)), Owner: owner, Admin: admin, ExpiresAt: time.Now().Add(life),
	}))
	return code
}

// browsed is what a browser is told.
type browsed struct {
	status  int
	cookies []*http.Cookie
}

// browse makes a request as a browser would, and follows nothing. header is name, value, …
func (r *rig) browse(method, path, form string, header ...string) browsed {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.http.URL+path, strings.NewReader(form))
	r.ok(err)
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	r.ok(err)
	r.ok(response.Body.Close())
	return browsed{response.StatusCode, response.Cookies()}
}

// signIn signs a browser in and returns its Cookie header.
func (r *rig) signIn(owner string, admin bool) string {
	r.t.Helper()
	response := r.browse(http.MethodPost, "/login", "code="+r.link(owner, admin, time.Minute), "Sec-Fetch-Site", "same-origin")
	cookies := response.cookies
	if response.status != http.StatusSeeOther || len(cookies) != 1 {
		r.t.Fatalf("status %d, cookies %v", response.status, cookies)
	}
	return cookies[0].Name + "=" + cookies[0].Value
}

func TestLoginLinkSignsInOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	code := r.link("ada", false, time.Minute)
	r.call("", http.MethodGet, "/login", "").want(http.StatusOK) // whoever only looks at the link does not use it up
	first, second := r.browse(http.MethodPost, "/login", "code="+code), r.browse(http.MethodPost, "/login", "code="+code)
	if first.status != http.StatusSeeOther || second.status != http.StatusUnauthorized || len(second.cookies) != 0 {
		t.Errorf("status %d, then %d", first.status, second.status)
	}
	cookie := first.cookies[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge <= 0 {
		t.Errorf("cookie %s", cookie)
	}
	for _, form := range []string{"", "code=", "code=wrong", "code=" + r.link("late", false, -time.Second)} {
		if a := r.browse(http.MethodPost, "/login", form); a.status != http.StatusUnauthorized {
			t.Errorf("%q: status %d", form, a.status)
		}
	}
}

// The code of a link stays in the browser that opens it, until somebody presses the button.
func TestCodeOfALinkIsNotSentBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const code, button, field = "FROM-THE-LINK", `<form name="link" method="post" action="/login"`, `<input type="hidden" name="code" value="FROM-THE-LINK">`
	shown := dom(t, r.http.URL+"/login#code="+code)
	if !strings.Contains(shown, button+`><`) || !strings.Contains(shown, field) || !strings.Contains(shown, `<form name="password" method="post" action="/login" hidden`) {
		t.Errorf("the page of a link is %s", shown)
	}
	r.logged(`"path":"/login"`)
	if strings.Contains(r.log.String(), code) {
		t.Errorf("the code was sent: %s", r.log)
	}
	if shown := dom(t, r.http.URL+"/login"); !strings.Contains(shown, button+` hidden`) || strings.Contains(shown, `action="/login" hidden=""><p>`) {
		t.Errorf("the page without a link is %s", shown)
	}
}

// dom is what a browser makes of a page.
func dom(t *testing.T, address string) string {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed; make test installs it")
	}
	text, err := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // it calls nobody else
		"--user-data-dir="+t.TempDir(), "--dump-dom", address).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie := r.signIn("ada", false)
	task := r.submit(`{"kind":"anything"}`)
	bobs := r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted).task()
	r.call("", http.MethodGet, "/v1/tasks/"+task.ID, "", "Cookie", cookie).want(http.StatusOK)
	r.call("", http.MethodGet, "/v1/tasks/"+bobs.ID, "", "Cookie", cookie).refused(http.StatusForbidden, "forbidden", "")
	r.call("", http.MethodGet, "/v1/workers", "", "Cookie", cookie).refused(http.StatusForbidden, "forbidden", "")
	r.call("", http.MethodGet, "/v1/workers", "", "Cookie", r.signIn("root", true)).want(http.StatusOK)
	if a := r.call("", http.MethodGet, "/", "", "Cookie", cookie).want(http.StatusOK); !strings.Contains(a.body, "ada") {
		t.Errorf("the first page does not say who is signed in: %s", a.body)
	}
	// A wrong key is not made good by a cookie.
	r.call("wrong", http.MethodGet, "/v1/tasks", "", "Cookie", cookie).refused(http.StatusUnauthorized, "unauthorized", "")

	if out := r.browse(http.MethodPost, "/logout", "", "Cookie", cookie, "Sec-Fetch-Site", "same-origin"); out.status != http.StatusSeeOther {
		t.Errorf("logout: status %d", out.status)
	}
	r.call("", http.MethodGet, "/v1/tasks/"+task.ID, "", "Cookie", cookie).refused(http.StatusUnauthorized, "unauthorized", "")
	if a := r.call("", http.MethodGet, "/", "", "Cookie", cookie).want(http.StatusOK); strings.Contains(a.body, "signed in") {
		t.Errorf("the first page believes in a session that has ended: %s", a.body)
	}
}

// Another page can have a browser send the cookie, not only of another site: localhost:3000 counts as
// the same site as localhost:8080.
func TestOtherPagesCannotUseTheSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie := r.signIn("ada", false)
	task := r.submit(`{"kind":"anything"}`)
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		header = append(header, "Cookie", cookie)
		r.call("", http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "", header...).refused(http.StatusForbidden, "forbidden", "")
		r.call("", http.MethodPost, "/v1/tasks", `{"kind":"anything"}`, header...).refused(http.StatusForbidden, "forbidden", "")
		r.call("", http.MethodDelete, "/v1/tasks/"+task.ID, "", header...).refused(http.StatusForbidden, "forbidden", "")
		for _, path := range []string{"/login", "/logout"} {
			if a := r.browse(http.MethodPost, path, "code="+r.link("ada", false, time.Minute), header...); a.status != http.StatusForbidden {
				t.Errorf("%s with %v: status %d", path, header, a.status)
			}
		}
	}
	own := []string{"Sec-Fetch-Site", "same-origin", "Cookie", cookie}
	if a := r.call("", http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "", own...).want(http.StatusOK); a.task().State != "cancelled" {
		t.Errorf("our own page cannot cancel: %s", a.body)
	}
}

func TestSessionCookieOfHTTPS(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.PublicURL = "https://tasks.example.com" })
	cookie := r.browse(http.MethodPost, "/login", "code="+r.link("ada", false, time.Minute)).cookies[0]
	if cookie.Name != "__Host-freshet_session" || !cookie.Secure {
		t.Errorf("cookie %s", cookie)
	}
	r.call("", http.MethodGet, "/v1/tasks", "", "Cookie", "freshet_session="+cookie.Value).refused(http.StatusUnauthorized, "unauthorized", "")
}
