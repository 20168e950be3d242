package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

const (
	issuerName     = "https://app.example.com"
	issuerAudience = "freshet"
)

// app is an app with users of its own, for whom it makes JWTs.
type app struct {
	t       *testing.T
	private *ecdsa.PrivateKey
	server  *httptest.Server
	away    atomic.Bool
}

func newApp(t *testing.T) *app {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, private: private}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if a.away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		point, _ := private.PublicKey.Bytes()
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "x": encode(point[1:33]), "y": encode(point[33:]),
		}}})
	}))
	t.Cleanup(a.server.Close)
	return a
}

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// trusted has a server take the app's JWTs.
func (a *app) trusted(c *api.Config) {
	c.Issuers = []jobs.Issuer{{Name: issuerName, KeysURL: a.server.URL, Audience: issuerAudience, Algorithms: []string{"ES256"}}}
}

// token makes a JWT; changes are claims that differ from those of a good one.
func (a *app) token(sub any, life time.Duration, changes ...any) string {
	a.t.Helper()
	claims := map[string]any{"iss": issuerName, "aud": issuerAudience, "sub": sub, "exp": time.Now().Add(life).Unix()}
	for i := 0; i+1 < len(changes); i += 2 {
		claims[changes[i].(string)] = changes[i+1]
	}
	body, err := json.Marshal(claims)
	if err != nil {
		a.t.Fatal(err)
	}
	text := encode([]byte(`{"alg":"ES256","kid":"1","typ":"JWT"}`)) + "." + encode(body)
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, a.private, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return text + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func TestJWTIsItsOwner(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	r := newRig(t, app.trusted)
	task := r.submit(`{"kind":"anything"}`)
	mine, other := app.token("ada", time.Hour), app.token("user-17", time.Hour)
	r.call(mine, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK) // of the same name as ada's key
	r.call(other, http.MethodGet, "/v1/tasks/"+task.ID, "").refused(http.StatusForbidden, "forbidden", "")
	own := r.call(other, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted).task()
	if own.Owner != "user-17" {
		t.Errorf("the task belongs to %s", own.Owner)
	}
	r.call(other, http.MethodPost, "/v1/tasks", `{"kind":"anything","owner":"ada"}`).refused(http.StatusForbidden, "forbidden", "/owner")
	r.call(other, http.MethodPost, "/v1/tasks/"+own.ID+"/cancel", "").want(http.StatusOK)
	// Whatever it says of itself, it is no admin and acts for nobody else.
	proud := app.token("user-17", time.Hour, "admin", true, "role", "admin", "actAsOwner", true, "scope", "admin")
	r.call(proud, http.MethodGet, "/v1/workers", "").refused(http.StatusForbidden, "forbidden", "")
	r.call(proud, http.MethodGet, "/v1/tasks/"+task.ID, "").refused(http.StatusForbidden, "forbidden", "")
	r.call(proud, http.MethodPost, "/auth/logout", "").refused(http.StatusForbidden, "forbidden", "")
	// What it makes ends with it.
	made := decode[tokenDocument](r.call(app.token("user-17", time.Minute), http.MethodPost, "/v1/tokens", `{"scopes":["read"],"ttl":"1h"}`).want(http.StatusCreated))
	if life := time.Until(made.ExpiresAt); life > 91*time.Second {
		t.Errorf("a token of %v outlives the JWT that it was made with", life)
	}
}

func TestRefusedJWTs(t *testing.T) {
	t.Parallel()
	app, stranger := newApp(t), newApp(t)
	r := newRig(t, app.trusted)
	good := app.token("user-17", time.Hour)
	r.call(good, http.MethodGet, "/v1/tasks", "").want(http.StatusOK)
	details := map[string]bool{}
	for name, token := range map[string]string{
		"expired": app.token("user-17", -time.Minute), "another audience": app.token("user-17", time.Hour, "aud", "other"),
		"another issuer": app.token("user-17", time.Hour, "iss", "https://evil.example"), "stranger": stranger.token("user-17", time.Hour),
		"no sub": app.token(nil, time.Hour), "empty sub": app.token("", time.Hour), "number": app.token(17, time.Hour),
		"long sub": app.token(strings.Repeat("x", 256), time.Hour), "steering sub": app.token("a\x1b[2Jb", time.Hour),
		"NUL in sub": app.token("a\x00b", time.Hour), "changed": good[:len(good)-4] + "AAAA", "none": "eyJhbGciOiJub25lIn0.e30.",
		"not yet": app.token("user-17", time.Hour, "nbf", time.Now().Add(time.Hour).Unix()), "long": app.token("user-17", time.Hour, "x", strings.Repeat("x", 9<<10)),
	} {
		a := r.call(token, http.MethodGet, "/v1/tasks", "")
		a.refused(http.StatusUnauthorized, "unauthorized", "")
		var said problemDocument
		r.ok(json.Unmarshal([]byte(a.body), &said))
		details[said.Detail] = true
		if strings.Contains(r.log.String(), token) || strings.Contains(a.body, token) {
			t.Errorf("%s: the token is shown", name)
		}
	}
	if len(details) != 1 {
		t.Errorf("the answers differ: %v", details)
	}
	r.logged("token refused: expired")
	r.call(app.token(strings.Repeat("x", 255), time.Hour), http.MethodGet, "/v1/tasks", "").want(http.StatusOK)
	// Not in the query, where it would be logged and passed on.
	for _, name := range []string{"token", "access_token", "key", "jwt"} {
		r.call("", http.MethodGet, "/v1/tasks?"+name+"="+good, "").refused(http.StatusUnauthorized, "unauthorized", "")
	}
	if strings.Contains(r.log.String(), good) {
		t.Error("the log shows a token")
	}
	// A megabyte is refused before anybody reads it.
	if a := r.call(app.token("user-17", time.Hour, "x", strings.Repeat("x", 1<<20)), http.MethodGet, "/", ""); a.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", a.status)
	}
	none := newRig(t)
	none.call(good, http.MethodGet, "/v1/tasks", "").refused(http.StatusUnauthorized, "unauthorized", "")
}

func TestJWTOfIssuerThatIsAway(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	app.away.Store(true)
	r := newRig(t, app.trusted)
	a := r.call(app.token("user-17", time.Hour), http.MethodGet, "/v1/tasks", "")
	a.refused(http.StatusServiceUnavailable, "unavailable", "")
	if a.header.Get("Retry-After") == "" || strings.Contains(a.body, app.server.URL) {
		t.Errorf("Retry-After %q, body %s", a.header.Get("Retry-After"), a.body)
	}
	r.call(ada, http.MethodGet, "/v1/tasks", "").want(http.StatusOK)
}

func TestStreamEndsWithItsJWT(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	r := newRig(t, app.trusted).live()
	task := r.submit(`{"kind":"anything"}`)
	started := time.Now()
	const left = 3 * time.Second // thirty seconds of leeway are over but for this
	a := r.call(app.token("ada", left-30*time.Second), http.MethodGet, "/v1/tasks/"+task.ID+"/stream", "").want(http.StatusOK)
	if took := time.Since(started); took > left+time.Second || strings.Contains(a.body, "event: end") || !strings.Contains(a.body, "task.snapshot") {
		t.Errorf("after %v: %s", took, a.body)
	}
}
