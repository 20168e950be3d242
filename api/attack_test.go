package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

// taken is an operation that takes a body, as the OpenAPI document has it.
type taken struct {
	id, method, path string
	fields           []string
}

// bodies lists all operations that take a body.
func bodies(t *testing.T) (all []taken) {
	t.Helper()
	type schema struct {
		Ref        string `json:"$ref"`
		Properties map[string]any
	}
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	text, err := api.Document()
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, methods := range document.Paths {
		for method, op := range methods {
			if body, takes := op.RequestBody.Content["application/json"]; takes {
				named := document.Components.Schemas[body.Schema.Ref[strings.LastIndex(body.Schema.Ref, "/")+1:]]
				all = append(all, taken{op.OperationID, strings.ToUpper(method), path, slices.Sorted(maps.Keys(named.Properties))})
			}
		}
	}
	return all
}

// targets makes one of everything that a body can be sent to, and fills the addresses in.
func (r *rig) targets() *strings.Replacer {
	r.t.Helper()
	task := r.submit(`{"kind":"anything"}`)
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
	r.call(root, http.MethodPost, "/v1/schedules", `{"name":"it","cron":"@daily","kind":"anything"}`).want(http.StatusCreated)
	r.ok(r.store.SaveKey(r.t.Context(), jobs.Key{Name: "it", Owner: "it", Secrets: []jobs.KeySecret{{Hash: sha256.Sum256([]byte("it"))}}}))
	endpoint := r.endpoint(ada, `{"url":"https://hooks.example.com/"}`)
	return strings.NewReplacer("/tasks/{id}", "/tasks/"+task.ID, "/webhooks/{id}", "/webhooks/"+endpoint.ID, "{name}", "it")
}

// A field that an operation does not take is refused by its name: one that only Freshet sets, one of another
// operation, and its own in another case, which Go's encoding/json would take.
func TestFieldsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ids := r.targets()
	foreign := []string{
		"id", "owner_id", "state", "attempt", "tries", "run", "seq", "createdAt", "completedAt", "lease_token", "workerId",
		"env", "command", "cwd", "pool", "isAdmin", "role", "__proto__",
	}
	for _, op := range bodies(t) {
		names := slices.Clone(foreign)
		for _, field := range op.fields {
			upper := regexp.MustCompile("[A-Z]").ReplaceAllStringFunc(field, func(s string) string { return "_" + strings.ToLower(s) })
			names = append(names, strings.ToUpper(field), strings.ToUpper(field[:1])+field[1:], upper)
		}
		for _, name := range names {
			if !slices.Contains(op.fields, name) {
				r.call(root, op.method, ids.Replace(op.path), `{"`+name+`":null}`).refused(http.StatusBadRequest, "invalid_body", "/"+name)
			}
		}
		if t.Failed() {
			t.Fatal(op.id)
		}
	}
}

// Whatever is put into whichever field, it is refused or taken; it is never our fault.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ids := r.targets()
	values := []string{
		`"\u0000"`, `"a\u0000b"`, `"\ud800"`, "\"\xff\"", `""`, `" "`, `"\u202e"`, `"'; DROP TABLE freshet.tasks; --"`, `"%00"`, `"../../etc/passwd"`,
		`"` + strings.Repeat("x", 9000) + `"`, `1e130000`, `-1`, `9223372036854775808`, `1.5`, `"infinity"`, `"294277-01-01T00:00:00Z"`, `"-99999999999h"`,
		`null`, `true`, `[]`, `{}`, `[null]`, `["\u0000"]`, `{"\u0000":1}`, `{"a":"\u0000"}`, `[1e999]`, strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
	}
	for _, op := range bodies(t) {
		for _, field := range op.fields {
			for _, value := range values {
				// Not by call: where maintenance began, whatever is well-formed is refused with a 503 of its own.
				a := r.call(root, op.method, ids.Replace(op.path), fmt.Sprintf(`{%q:%s}`, field, value))
				if a.status >= http.StatusInternalServerError && !strings.Contains(a.body, `"maintenance"`) {
					t.Errorf("%s: %s %.60s: status %d: %s", op.id, field, value, a.status, a.body)
				}
			}
		}
	}
	var tasks int
	r.ok(r.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.tasks`).Scan(&tasks)) // the table is there
}

// SQL is text like any other, wherever it stands, and comes back as it was.
func TestSQLIsText(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, sql := range []string{`'; DROP TABLE freshet.tasks; --`, `' OR '1'='1`, `\'; SELECT pg_sleep(9) --`, `{"a",'b'}`, `$1 %s %' _`, `x'||version()||'`} {
		text, err := json.Marshal(sql)
		r.ok(err)
		body := fmt.Sprintf(`{"kind":"anything","owner":%[1]s,"input":{%[1]s:%[1]s},"tags":[%[1]s],"metadata":{%[1]s:%[1]s},"idempotencyKey":%[1]s}`, text)
		made := r.call(root, http.MethodPost, "/v1/tasks", body).want(http.StatusAccepted).task()
		read := r.call(root, http.MethodGet, "/v1/tasks/"+made.ID, "").want(http.StatusOK).task()
		var input map[string]string
		r.ok(json.Unmarshal(read.Input, &input))
		if read.Owner != sql || len(read.Tags) != 1 || read.Tags[0] != sql || input[sql] != sql {
			t.Errorf("%s came back as %+v", sql, read)
		}
		query := url.Values{"owner": {sql}, "tag": {sql}}.Encode()
		if page := r.page(root, query); len(page.Items) != 1 || page.Items[0].ID != made.ID {
			t.Errorf("%s finds %d tasks", sql, len(page.Items))
		}
		if page := r.page(root, url.Values{"kind": {sql}}.Encode()); len(page.Items) != 0 {
			t.Errorf("%s as a kind finds %d tasks", sql, len(page.Items))
		}
		for _, order := range []string{"sort", "order", "orderBy", "fields"} { // there is but one order
			r.call(root, http.MethodGet, "/v1/tasks?"+url.Values{order: {sql}}.Encode(), "").refused(http.StatusUnprocessableEntity, "invalid_parameter", "")
		}
	}
}

// The place in a stream is a number in one task's own stream: that of another's leads to nothing of theirs.
func TestPlaceInAnothersStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Stream = 50 * time.Millisecond }).live()
	const secret = "only-for-ada"
	adas := r.submit(`{"kind":"anything","tags":["` + secret + `"]}`)
	claim := r.claim(adas.ID)
	for from := range int64(20) {
		r.flush(claim, from, printed(jobs.Stdout, secret))
	}
	bobs := r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted).task()
	for _, id := range []string{"", "1", "20", "9223372036854775807"} {
		for _, path := range []string{"/v1/tasks/" + bobs.ID + "/stream?include=logs", "/v1/stream"} {
			a := r.call(bob, http.MethodGet, path, "", "Last-Event-ID", id)
			if a.status >= http.StatusBadRequest || strings.Contains(a.body, secret) || strings.Contains(a.body, adas.ID) {
				t.Errorf("%s after %q: status %d: %s", path, id, a.status, a.body)
			}
		}
		r.call(bob, http.MethodGet, "/v1/tasks/"+adas.ID+"/stream", "", "Last-Event-ID", id).refused(http.StatusForbidden, "forbidden", "")
	}
}

// Whom a page greets is text; and no page may run a script, whatever it holds, but the one of ours that signs in.
func TestPagesRunNoScript(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const script = `"'><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}`
	cookie := r.signIn(script, false)
	for _, path := range []string{"/", "/login?code=" + url.QueryEscape(script), "/docs", "/docs/errors", "/?x=" + url.QueryEscape(script), "/" + url.PathEscape(script)} {
		a := r.call("", http.MethodGet, path, "", "Cookie", cookie)
		before, rest, runs := strings.Cut(a.body, "<script>")
		ours, after, _ := strings.Cut(rest, "</script>")
		if strings.Contains(before+after, "<script") || strings.Contains(a.body, "<img") || strings.Contains(ours, "alert") || runs != strings.HasPrefix(path, "/login") {
			t.Errorf("%s: %s", path, a.body)
		}
		policy, allowed, allows := strings.Cut(a.header.Get("Content-Security-Policy"), "; script-src ")
		if hash := sha256.Sum256([]byte(ours)); allows != runs || allows && allowed != "'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'" {
			t.Errorf("%s: scripts of %q may run", path, allowed)
		}
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", path, policy)
		}
		if shows := strings.Contains(a.body, "&lt;script&gt;"); !shows && path == "/" {
			t.Errorf("%s does not show what this test looks for: %s", path, a.body)
		}
	}
}

// Where Freshet is reached is what it was told, never what a request says; nor does a header lead elsewhere.
func TestHostIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"", publicURL} {
		r := newRig(t, func(c *api.Config) { c.PublicURL = public })
		spoofed := []string{
			"Host", "evil.example", "X-Forwarded-Host", "evil.example", "X-Forwarded-Server", "evil.example", "X-Host", "evil.example",
			"Forwarded", "host=evil.example;proto=http", "X-Forwarded-Proto", "gopher", "X-Forwarded-Prefix", "//evil.example", "X-Forwarded-For", "6.6.6.6",
			"X-Original-URL", "/v1/workers", "X-Rewrite-URL", "/v1/workers", "X-HTTP-Method-Override", "DELETE",
		}
		leaver := r.leave("a.txt", "text/plain", "a")
		for _, request := range []struct {
			method, path, body string
			status             int
		}{
			{http.MethodPost, "/v1/tasks", `{"kind":"anything"}`, http.StatusAccepted},
			{http.MethodGet, "/v1/tasks/" + leaver, "", http.StatusOK}, // a method or an address of a header's would be refused
			{http.MethodGet, "/v1/tasks/" + leaver + "/artifacts", "", http.StatusOK},
			{http.MethodGet, "/", "", http.StatusOK},
			{http.MethodGet, "/openapi.json", "", http.StatusOK},
			{http.MethodGet, "/nothing", "", http.StatusNotFound},
		} {
			a := r.call(ada, request.method, request.path, request.body, spoofed...)
			if all := fmt.Sprint(a.header, a.body); a.status != request.status || strings.Contains(all, "evil.example") || strings.Contains(all, "gopher") {
				t.Errorf("%s %s believes the request: status %d, %s", request.method, request.path, a.status, all)
			}
		}
		r.call(ada, http.MethodGet, "/v1/tasks/"+leaver, "").want(http.StatusOK) // it was not deleted
	}
}
