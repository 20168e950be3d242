package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/api"
)

type keyDocument struct {
	Name, Owner, Key  string
	Admin, ActAsOwner bool
	Scopes            []string
	Secrets           []struct {
		Prefix                string
		LastUsedAt, ExpiresAt *time.Time
	}
}

func (r *rig) key(request string) string {
	r.t.Helper()
	return decode[keyDocument](r.call(root, http.MethodPost, "/v1/keys", request).want(http.StatusCreated)).Key
}

func (r *rig) keys() map[string]keyDocument {
	r.t.Helper()
	a := r.call(root, http.MethodGet, "/v1/keys", "").want(http.StatusOK)
	byName := map[string]keyDocument{}
	for _, key := range decode[struct{ Items []keyDocument }](a).Items {
		byName[key.Name] = key
	}
	return byName
}

func TestKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.key(`{"name":"web-app"}`)
	r.call(key, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted)
	shown := r.call(root, http.MethodGet, "/v1/keys", "").want(http.StatusOK)
	if strings.Contains(shown.body, key) {
		t.Error("the list shows the key")
	}
	listed := r.keys()["web-app"]
	if listed.Owner != "web-app" || listed.ActAsOwner || listed.Admin || len(listed.Scopes) != 3 || len(listed.Secrets) != 1 {
		t.Errorf("key %+v", listed)
	}
	if secret := listed.Secrets[0]; !strings.HasPrefix(key, secret.Prefix) || len(secret.Prefix) < 6 || secret.LastUsedAt == nil {
		t.Errorf("secret %+v", secret)
	}
	r.call(root, http.MethodPost, "/v1/keys", `{"name":"web-app"}`).refused(http.StatusConflict, "name_taken", "/name")
	for body, pointer := range map[string]string{
		`{"name":"Web"}`: "/name", `{"name":""}`: "/name", `{"name":"admin"}`: "/name", `{"name":"a","scopes":["all"]}`: "/scopes/0",
		`{"name":"a","scopes":[]}`: "/scopes", `{"name":"a","owner":"\u0000"}`: "", `{"name":"a","admin":true,"actAsOwner":true}`: "/admin",
	} {
		if a := r.call(root, http.MethodPost, "/v1/keys", body); pointer != "" {
			a.refused(http.StatusUnprocessableEntity, "invalid_request", pointer)
		} else if a.status/100 != 4 {
			t.Errorf("%s: status %d", body, a.status)
		}
	}
}

func TestKeyActsForItsUsers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key, plain := r.key(`{"name":"app","actAsOwner":true}`), r.key(`{"name":"plain"}`)
	task := r.call(key, http.MethodPost, "/v1/tasks", `{"kind":"anything","owner":"user-17"}`).want(http.StatusAccepted).task()
	if task.Owner != "user-17" {
		t.Errorf("the task belongs to %s", task.Owner)
	}
	r.call(key, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
	r.call(key, http.MethodPost, "/v1/tokens", `{"owner":"user-17","scopes":["read"]}`).want(http.StatusCreated)
	if a := r.call(key, http.MethodGet, "/v1/tasks?owner=user-17", "").want(http.StatusOK); !strings.Contains(a.body, task.ID) {
		t.Errorf("the user's list: %s", a.body)
	}
	if a := r.call(key, http.MethodGet, "/v1/tasks", "").want(http.StatusOK); strings.Contains(a.body, task.ID) {
		t.Errorf("its own list has its users' tasks: %s", a.body)
	}
	r.call(key, http.MethodGet, "/v1/workers", "").refused(http.StatusForbidden, "forbidden", "")
	r.call(plain, http.MethodPost, "/v1/tasks", `{"kind":"anything","owner":"user-17"}`).refused(http.StatusForbidden, "forbidden", "/owner")
	r.call(plain, http.MethodGet, "/v1/tasks/"+task.ID, "").refused(http.StatusForbidden, "forbidden", "")
}

func TestKeyHasItsScopesAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"anything"}`)
	reader := r.key(`{"name":"reader","owner":"ada","scopes":["read"]}`)
	r.call(reader, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
	r.call(reader, http.MethodGet, "/v1/kinds", "").want(http.StatusOK)
	for path, body := range map[string]string{
		"/v1/tasks": `{"kind":"anything"}`, "/v1/tasks/batch": `{"tasks":[{"kind":"anything"}]}`, "/v1/tasks/" + task.ID + "/cancel": "",
		"/v1/tasks/" + task.ID + "/retry": "", "/v1/tasks/" + task.ID + "/rerun": "",
	} {
		r.call(reader, http.MethodPost, path, body).refused(http.StatusForbidden, "forbidden", "")
	}
	r.call(reader, http.MethodDelete, "/v1/tasks/"+task.ID, "").refused(http.StatusForbidden, "forbidden", "")
	r.call(reader, http.MethodPost, "/v1/tokens", `{"scopes":["read"]}`).want(http.StatusCreated)
	r.call(reader, http.MethodPost, "/v1/tokens", `{"scopes":["cancel"]}`).refused(http.StatusForbidden, "forbidden", "/scopes/0")
	writer := r.key(`{"name":"writer","owner":"ada","scopes":["write"]}`)
	r.call(writer, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted)
	r.call(writer, http.MethodGet, "/v1/tasks/"+task.ID, "").refused(http.StatusForbidden, "forbidden", "")
}

func TestKeyIsRotatedAndRevoked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.key(`{"name":"app"}`)
	rotate := func(body string) string {
		t.Helper()
		return decode[keyDocument](r.call(root, http.MethodPost, "/v1/keys/app/rotate", body).want(http.StatusCreated)).Key
	}
	second := rotate("")
	for _, key := range []string{first, second} {
		r.call(key, http.MethodGet, "/v1/kinds", "").want(http.StatusOK)
	}
	if secrets := r.keys()["app"].Secrets; len(secrets) != 2 || secrets[0].ExpiresAt != nil || secrets[1].ExpiresAt == nil {
		t.Errorf("secrets %+v", secrets)
	}
	third := rotate(`{"keep":"0s"}`) // the second ends now, the first is one too many
	other := newReplica(r)           // which remembers no key
	other.call(first, http.MethodGet, "/v1/kinds", "").refused(http.StatusUnauthorized, "unauthorized", "")
	other.call(second, http.MethodGet, "/v1/kinds", "").refused(http.StatusUnauthorized, "unauthorized", "")
	other.call(third, http.MethodGet, "/v1/kinds", "").want(http.StatusOK)

	r.call(root, http.MethodDelete, "/v1/keys/app", "").want(http.StatusNoContent)
	newReplica(r).call(third, http.MethodGet, "/v1/kinds", "").refused(http.StatusUnauthorized, "unauthorized", "")
	r.call(root, http.MethodDelete, "/v1/keys/app", "").refused(http.StatusNotFound, "not_found", "")
	r.call(root, http.MethodPost, "/v1/keys/app/rotate", "").refused(http.StatusNotFound, "not_found", "")
	for _, path := range []string{"/v1/keys/admin/rotate"} {
		r.call(root, http.MethodPost, path, "").refused(http.StatusUnprocessableEntity, "invalid_request", "")
	}
	r.call(root, http.MethodPost, "/v1/keys/app/rotate", `{"keep":"1y"}`).refused(http.StatusUnprocessableEntity, "invalid_request", "/keep")
}

// What is shut out loses its open streams too, and nobody else does.
func TestRevokedReaderLosesItsStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Revoke = 20 * time.Millisecond }).live()
	r.run(r.server.Run)
	task := r.submit(`{"kind":"anything"}`)
	key := r.key(`{"name":"app","owner":"ada"}`)
	cookie := r.signIn("ada", false)
	answers := make(chan answer, 3)
	follow := func(key string, header ...string) {
		go func() { answers <- r.call(key, http.MethodGet, "/v1/tasks/"+task.ID+"/stream", "", header...) }()
	}
	follow(key)
	follow("", "Cookie", cookie)
	follow(ada)
	r.until("three streams are open", func() bool {
		select {
		case a := <-answers:
			t.Fatalf("a stream ended: %d %s", a.status, a.body)
		default:
		}
		return r.hub.Streams() == 3
	})
	r.call(root, http.MethodDelete, "/v1/keys/app", "").want(http.StatusNoContent)
	r.browse(http.MethodPost, "/logout", "", "Cookie", cookie)
	for range 2 {
		if a := (<-answers).want(http.StatusOK); strings.Contains(a.body, "event: end") {
			t.Errorf("the stream ended by itself: %s", a.body)
		}
	}
	r.until("one stream is left", func() bool { return r.hub.Streams() == 1 })
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
	if a := (<-answers).want(http.StatusOK); !strings.Contains(a.body, "event: end") {
		t.Errorf("ada's stream was cut: %s", a.body)
	}
}
