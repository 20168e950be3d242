package api_test

import (
	"net/http"
	"strings"
	"testing"

	"freshet/api"
)

func TestMaintenance(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	replica := newReplica(r)
	before := r.submit(`{"kind":"anything"}`)
	if a := r.call(root, http.MethodPost, "/v1/maintenance", `{"enabled":true,"message":"back at nine"}`).want(http.StatusOK); !strings.Contains(a.body, `"message":"back at nine"`) {
		t.Errorf("maintenance: %s", a.body)
	}
	r.ok(replica.server.Reload(t.Context())) // as its hint has it do
	for _, server := range []*rig{r, replica} {
		for path, body := range map[string]string{
			"/v1/tasks": `{"kind":"anything"}`, "/v1/tasks/batch": `{"tasks":[{"kind":"anything"}]}`,
			"/v1/tasks/" + before.ID + "/rerun": "",
		} {
			a := server.call(ada, http.MethodPost, path, body)
			a.refused(http.StatusServiceUnavailable, "maintenance", "")
			if a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "back at nine") {
				t.Errorf("%s: Retry-After %q: %s", path, a.header.Get("Retry-After"), a.body)
			}
		}
		if a := server.call(ada, http.MethodGet, "/v1/tasks/"+before.ID, "").want(http.StatusOK); a.task().Wait == nil || a.task().Wait.Reason != "paused" {
			t.Errorf("a task that waits: %s", a.body)
		}
	}
	r.call(root, http.MethodPost, "/v1/maintenance", `{"enabled":false}`).want(http.StatusOK)
	r.submit(`{"kind":"anything"}`)
	r.call(root, http.MethodPost, "/v1/maintenance", `{"enabled":true,"message":"`+strings.Repeat("x", 501)+`"}`).
		refused(http.StatusUnprocessableEntity, "invalid_request", "/message")
	r.call(root, http.MethodPost, "/v1/config/reload", "").want(http.StatusAccepted)
}

// newReplica is another server on the same database.
func newReplica(r *rig, changes ...func(*api.Config)) *rig {
	r.t.Helper()
	config := api.Config{Store: r.store, Hub: r.hub, Secrets: box(), Logger: discard()}
	for _, change := range changes {
		change(&config)
	}
	server, err := api.New(r.t.Context(), config)
	r.ok(err)
	r.ok(server.Reload(r.t.Context()))
	return &rig{t: r.t, store: r.store, hub: r.hub, server: server, schema: r.schema, http: r.serve(server)}
}
