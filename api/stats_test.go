package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"freshet/api"
	"freshet/jobs/metrics"
)

type statsView struct {
	Pending, Running int
	Kinds            []struct {
		Kind             string
		Pending, Running int
		Waiting          map[string]int
	}
	Pools []struct {
		Pool          string
		Queued        int
		OldestSeconds float64
		Running       int
		Workers       int
	}
}

func (r *rig) stats(key, query string) statsView {
	r.t.Helper()
	var view statsView
	r.ok(json.Unmarshal([]byte(r.call(key, http.MethodGet, "/v1/stats"+query, "").want(http.StatusOK).body), &view))
	return view
}

// Everybody counts their own tasks, and admins everybody's.
func TestStats(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	r.claim(task.ID)
	r.submit(`{"kind":"report","input":{"n":1}}`)
	r.submit(`{"kind":"anything","delay":"1h"}`)
	for whose, view := range map[string]statsView{"ada": r.stats(ada, ""), "all": r.stats(root, ""), "named": r.stats(root, "?owner=ada")} {
		if view.Pending != 2 || view.Running != 1 || len(view.Kinds) != 2 || view.Kinds[0].Kind != "anything" ||
			view.Kinds[0].Waiting["scheduled"] != 1 || view.Kinds[1].Waiting["queued"] != 1 || view.Kinds[1].Running != 1 {
			t.Errorf("%s: %+v", whose, view)
		}
		if (view.Pools != nil) != (whose == "all") {
			t.Errorf("%s sees pools %+v", whose, view.Pools)
		}
		if whose == "all" && (len(view.Pools) == 0 || view.Pools[0].Pool != "default" || view.Pools[0].Queued != 1 || view.Pools[0].Running != 1) {
			t.Errorf("pools %+v", view.Pools)
		}
	}
	if view := r.stats(bob, ""); view.Pending != 0 || view.Running != 0 || len(view.Kinds) != 0 {
		t.Errorf("bob counts %+v", view)
	}
}

// Metrics are for admins, count requests by the pattern of their route, and name nobody.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Metrics = metrics.NewReplica("test", c.Store) })
	task := r.submit(`{"kind":"report","input":{"n":1},"tags":["ada-only"]}`)
	for range 3 {
		r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
	}
	r.call(bob, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusForbidden)
	r.call("", http.MethodGet, "/no/such/"+task.ID, "").want(http.StatusNotFound)
	r.call("", http.MethodPost, "/healthz", "").want(http.StatusMethodNotAllowed)
	a := r.call(root, http.MethodGet, "/metrics", "").want(http.StatusOK)
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("content type %q", got)
	}
	for _, line := range []string{
		`freshet_http_request_seconds_count{method="GET",route="/v1/tasks/{id}",status="2xx"} 3`,
		`freshet_http_request_seconds_count{method="GET",route="/v1/tasks/{id}",status="4xx"} 1`,
		`freshet_http_request_seconds_count{method="GET",route="none",status="4xx"} 1`,
		`freshet_http_request_seconds_count{method="POST",route="none",status="4xx"} 1`,
		`freshet_queue_depth{pool="default"} 1`, `freshet_tasks_pending{kind="report",reason="queued"} 1`,
		`freshet_db_connections_max 16`,
	} {
		if !strings.Contains(a.body, line+"\n") {
			t.Errorf("there is no %s in\n%s", line, a.body)
		}
	}
	for _, secret := range []string{`"ada`, ada, task.ID, "no/such"} {
		if strings.Contains(a.body, secret) {
			t.Errorf("the metrics show %s", secret)
		}
	}
	for _, key := range []string{ada, bob} {
		r.call(key, http.MethodGet, "/metrics", "").refused(http.StatusForbidden, "forbidden", "")
	}
	r.call("", http.MethodGet, "/metrics", "").refused(http.StatusUnauthorized, "unauthorized", "")
}

// Streams are counted while they are open.
func TestOpenStreamsAreCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Metrics = metrics.NewReplica("test", c.Store) })
	ctx, leave := context.WithCancel(t.Context())
	r.news(ctx, ada, "")
	if a := r.call(root, http.MethodGet, "/metrics", ""); !strings.Contains(a.body, "freshet_streams_open 1\n") {
		t.Errorf("with a stream:\n%s", a.body)
	}
	leave()
	r.until("the stream is counted out", func() bool {
		return strings.Contains(r.call(root, http.MethodGet, "/metrics", "").body, "freshet_streams_open 0\n")
	})
}
