package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

type tokenDocument struct {
	Token     string
	ExpiresAt time.Time
}

// token makes one.
func (r *rig) token(key, request string) string {
	r.t.Helper()
	return decode[tokenDocument](r.call(key, http.MethodPost, "/v1/tokens", request).want(http.StatusCreated)).Token
}

func TestTokenReadsAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Stream = 50 * time.Millisecond })
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	token := r.token(ada, `{"scopes":["read"]}`)
	for operation, stranger := range strangers() {
		method := http.MethodGet
		status := http.StatusForbidden
		switch operation {
		case "get-task", "list-attempts", "list-events", "read-logs", "stream-task", "stream-tasks", "list-artifacts", "health", "ready":
			status = http.StatusOK
		case "list-tasks":
			status = http.StatusOK // asked for ada's
		case "submit-task", "submit-tasks", "cancel-task", "retry-task", "rerun-task", "create-token",
			"pause-kind", "resume-kind", "pause-pool", "resume-pool", "set-maintenance", "reload-config", "create-key", "rotate-key",
			"create-webhook", "pause-webhook", "resume-webhook", "rotate-webhook", "test-webhook", "resend-delivery",
			"hold-credential", "release-credential",
			"create-schedule", "pause-schedule", "resume-schedule", "run-schedule",
			"create-user", "logout":
			method = http.MethodPost
		case "login":
			method, status = http.MethodPost, http.StatusUnauthorized
		case "delete-task", "delete-key", "delete-webhook", "delete-schedule", "delete-user":
			method = http.MethodDelete
		case "change-webhook", "change-schedule", "change-user":
			method = http.MethodPatch
		}
		path := strings.Replace(strings.NewReplacer("%s", task.ID, "%w", task.ID, "%d", task.ID).Replace(stranger.path), "?wait=10s&until=end", "", 1)
		if a := r.call(token, method, path, stranger.body); a.status != status {
			t.Errorf("%s with a read token: status %d, want %d: %s", operation, a.status, status, a.body)
		}
	}
	if a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK).task(); a.State != "pending" || a.CancelRequestedAt != nil {
		t.Errorf("the task was touched: %+v", a)
	}
	r.call(r.token(ada, `{"scopes":["cancel"]}`), http.MethodGet, "/v1/tasks/"+task.ID, "").refused(http.StatusForbidden, "forbidden", "")
	r.call(r.token(ada, `{"scopes":["cancel"]}`), http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
}

func TestTokenOfSomeTasks(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Stream = 50 * time.Millisecond })
	mine, other := r.submit(`{"kind":"anything"}`), r.submit(`{"kind":"anything"}`)
	token := r.token(ada, `{"tasks":["`+mine.ID+`"],"scopes":["read","cancel"]}`)
	for _, suffix := range []string{"", "/attempts", "/events", "/logs", "/artifacts", "/stream"} {
		r.call(token, http.MethodGet, "/v1/tasks/"+mine.ID+suffix, "").want(http.StatusOK)
		r.call(token, http.MethodGet, "/v1/tasks/"+other.ID+suffix, "").refused(http.StatusForbidden, "forbidden", "")
	}
	r.call(token, http.MethodPost, "/v1/tasks/"+other.ID+"/cancel", "").refused(http.StatusForbidden, "forbidden", "")
	r.call(token, http.MethodGet, "/v1/tasks", "").refused(http.StatusForbidden, "forbidden", "")
	for _, path := range []string{"/v1/stream", "/v1/stream?ids=" + other.ID + "," + mine.ID} {
		a := r.call(token, http.MethodGet, path, "").want(http.StatusOK)
		if !strings.Contains(a.body, mine.ID) || strings.Contains(a.body, other.ID) {
			t.Errorf("%s shows %s", path, a.body)
		}
	}
	r.call(token, http.MethodPost, "/v1/tasks/"+mine.ID+"/cancel", "").want(http.StatusOK)
}

func TestTokenIsOnlyGivenAwayByWhoMay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"anything"}`)
	bobs := r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted).task()
	for _, c := range []struct {
		key, body     string
		status        int
		code, pointer string
	}{
		{bob, `{"owner":"ada","scopes":["read"]}`, 403, "forbidden", "/owner"},
		{bob, `{"tasks":["` + task.ID + `"],"scopes":["read"]}`, 403, "forbidden", "/tasks/0"},
		{bob, `{"tasks":["` + bobs.ID + `","` + task.ID + `"],"scopes":["read"]}`, 403, "forbidden", "/tasks/1"},
		{root, `{"tasks":["` + bobs.ID + `","` + task.ID + `"],"scopes":["read"]}`, 422, "invalid_request", "/tasks/1"},
		{root, `{"owner":"ada","tasks":["` + bobs.ID + `"],"scopes":["read"]}`, 422, "invalid_request", "/tasks/0"},
		{ada, `{"tasks":["0193a5c2-7d3e-7c61-a1c9-6f7a1c0e9b42"],"scopes":["read"]}`, 404, "not_found", "/tasks/0"},
		{ada, `{"scopes":[]}`, 422, "invalid_request", "/scopes"},
		{ada, `{}`, 422, "invalid_request", "/scopes"},
		{ada, `{"scopes":["read","submit"]}`, 422, "invalid_request", "/scopes/1"},
		{ada, `{"scopes":["read"],"ttl":"2h"}`, 422, "invalid_request", "/ttl"},
		{ada, `{"scopes":["read"],"ttl":"-5m"}`, 422, "invalid_request", "/ttl"},
		{ada, `{"scopes":["read"],"ttl":"0s"}`, 422, "invalid_request", "/ttl"},
		{ada, `{"scopes":["read"],"owner":"a\u0007"}`, 422, "invalid_request", "/owner"},
	} {
		r.call(c.key, http.MethodPost, "/v1/tokens", c.body).refused(c.status, c.code, c.pointer)
	}
	// An admin's key makes them for others: that is how an app's server lets its users watch.
	token := r.token(root, `{"owner":"ada","scopes":["read"],"ttl":"1h"}`)
	r.call(token, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
	r.call(token, http.MethodGet, "/v1/tasks/"+bobs.ID, "").refused(http.StatusForbidden, "forbidden", "")
	if a := r.call(token, http.MethodGet, "/v1/tasks", "").want(http.StatusOK); strings.Contains(a.body, bobs.ID) || !strings.Contains(a.body, task.ID) {
		t.Errorf("a token of ada's lists %s", a.body)
	}
}

func TestTokenCannotBeMade(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"anything"}`)
	good := r.token(ada, `{"scopes":["read"]}`)
	body, signature, _ := strings.Cut(good, ".")
	other, _, _ := strings.Cut(r.token(bob, `{"scopes":["read","cancel"]}`), ".")
	for name, token := range map[string]string{
		"no signature": body, "empty signature": body + ".", "another's signature": other + "." + signature,
		"changed": body[:len(body)-4] + "AAAA." + signature, "longer": good + "A", "prefix alone": "frt_", "dot": "frt_.",
		"as an API key": strings.TrimPrefix(good, "frt_"), "huge": good + strings.Repeat("A", 20_000),
	} {
		if a := r.call(token, http.MethodGet, "/v1/tasks/"+task.ID, ""); a.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}
	r.call(good, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
}

// Replicas share the key of the tokens, and a token ends when it says so, with the streams it opened.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"anything"}`)
	answered := decode[tokenDocument](r.call(ada, http.MethodPost, "/v1/tokens", `{"scopes":["read"],"ttl":"2s"}`).want(http.StatusCreated))
	if left := time.Until(answered.ExpiresAt); left > 2*time.Second {
		t.Errorf("the token is good for %s more", left)
	}
	stream := r.call(answered.Token, http.MethodGet, "/v1/tasks/"+task.ID+"/stream", "").want(http.StatusOK)
	if time.Now().Before(answered.ExpiresAt) || strings.Contains(stream.body, "event: end") {
		t.Errorf("the stream was closed before the token ended: %s", stream.body)
	}
	a := r.call(answered.Token, http.MethodGet, "/v1/tasks/"+task.ID, "")
	a.refused(http.StatusUnauthorized, "unauthorized", "")
	if !strings.Contains(a.body, "expired") {
		t.Errorf("the refusal does not say why: %s", a.body)
	}
}

func TestSubmitGivesReadToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	type submitted struct {
		ID, ReadToken      string
		ReadTokenExpiresAt time.Time
	}
	const body = `{"kind":"anything","idempotencyKey":"k"}`
	for _, status := range []int{http.StatusAccepted, http.StatusOK} {
		a := decode[submitted](r.call(ada, http.MethodPost, "/v1/tasks", body).want(status))
		r.call(a.ReadToken, http.MethodGet, "/v1/tasks/"+a.ID, "").want(http.StatusOK)
		r.call(a.ReadToken, http.MethodPost, "/v1/tasks/"+a.ID+"/cancel", "").refused(http.StatusForbidden, "forbidden", "")
		if left := time.Until(a.ReadTokenExpiresAt); left < 14*time.Minute || left > 15*time.Minute {
			t.Errorf("the token is good for %s", left)
		}
		if again := r.call(a.ReadToken, http.MethodGet, "/v1/tasks/"+a.ID, ""); strings.Contains(again.body, "readToken") {
			t.Errorf("a reader gets a token: %s", again.body)
		}
	}
	var batch struct{ Items []submitted }
	a := r.call(ada, http.MethodPost, "/v1/tasks/batch", `{"tasks":[{"kind":"anything"},{"kind":"anything"}]}`).want(http.StatusAccepted)
	r.ok(json.Unmarshal([]byte(a.body), &batch))
	r.call(batch.Items[1].ReadToken, http.MethodGet, "/v1/tasks/"+batch.Items[1].ID, "").want(http.StatusOK)
	r.call(batch.Items[1].ReadToken, http.MethodGet, "/v1/tasks/"+batch.Items[0].ID, "").refused(http.StatusForbidden, "forbidden", "")
}

func TestGrantOfAKeyIsEverything(t *testing.T) {
	t.Parallel()
	key := jobs.Identity{Owner: "ada"}
	token := jobs.Identity{Owner: "ada", Grant: &jobs.Grant{Scopes: []jobs.Scope{jobs.ScopeRead}, Token: true}}
	if !key.Has("") || !key.Has(jobs.ScopeCancel) || key.IsToken() || !token.IsToken() || token.Has(jobs.ScopeCancel) || !token.Has(jobs.ScopeRead) {
		t.Error("a scope is given to who has it not")
	}
}
