package api_test

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
	"freshet/jobs/postgres/postgrestest"
)

// strangers says what a key that owns nothing gets from each operation. A new operation fails the test
// below until somebody has decided what is right for it. %s is the id of ada's task, %w of her endpoint and
// %d of a delivery to it.
func strangers() map[string]struct {
	path   string
	body   string
	status int
} {
	return map[string]struct {
		path   string
		body   string
		status int
	}{
		"submit-task":        {"/v1/tasks", `{"kind":"anything","owner":"ada"}`, 403},
		"submit-tasks":       {"/v1/tasks/batch", `{"tasks":[{"kind":"anything","owner":"ada"}]}`, 403},
		"list-tasks":         {"/v1/tasks?owner=ada", "", 403},
		"get-task":           {"/v1/tasks/%s?wait=10s&until=end", "", 403},
		"cancel-task":        {"/v1/tasks/%s/cancel", "", 403},
		"retry-task":         {"/v1/tasks/%s/retry", "", 403},
		"rerun-task":         {"/v1/tasks/%s/rerun", `{"input":{"n":2}}`, 403},
		"delete-task":        {"/v1/tasks/%s", "", 403},
		"list-attempts":      {"/v1/tasks/%s/attempts", "", 403},
		"list-events":        {"/v1/tasks/%s/events", "", 403},
		"read-logs":          {"/v1/tasks/%s/logs", "", 403},
		"stream-task":        {"/v1/tasks/%s/stream", "", 403},
		"stream-tasks":       {"/v1/stream", "", 200},
		"list-artifacts":     {"/v1/tasks/%s/artifacts", "", 403},
		"download-artifact":  {"/v1/artifacts/1?expires=9999999999&signature=AAAA", "", 403},
		"create-token":       {"/v1/tokens", `{"owner":"ada","scopes":["read"]}`, 403},
		"list-kinds":         {"/v1/kinds", "", 200},
		"get-kind":           {"/v1/kinds/report", "", 200},
		"pause-kind":         {"/v1/kinds/report/pause", "", 403},
		"resume-kind":        {"/v1/kinds/report/resume", "", 403},
		"list-pools":         {"/v1/pools", "", 403},
		"pause-pool":         {"/v1/pools/default/pause", "", 403},
		"resume-pool":        {"/v1/pools/default/resume", "", 403},
		"list-schedules":     {"/v1/schedules?owner=ada", "", 403},
		"create-schedule":    {"/v1/schedules", `{"name":"mine","cron":"@daily","kind":"anything","owner":"ada"}`, 403},
		"get-schedule":       {"/v1/schedules/adas", "", 403},
		"change-schedule":    {"/v1/schedules/adas", `{"cron":"@hourly"}`, 403},
		"delete-schedule":    {"/v1/schedules/adas", "", 403},
		"pause-schedule":     {"/v1/schedules/adas/pause", "", 403},
		"resume-schedule":    {"/v1/schedules/adas/resume", "", 403},
		"run-schedule":       {"/v1/schedules/adas/run", "", 403},
		"list-workers":       {"/v1/workers", "", 403},
		"get-stats":          {"/v1/stats?owner=ada", "", 403},
		"metrics":            {"/metrics", "", 403},
		"list-keys":          {"/v1/keys", "", 403},
		"create-key":         {"/v1/keys", `{"name":"mine","admin":true}`, 403},
		"rotate-key":         {"/v1/keys/a/rotate", "", 403},
		"delete-key":         {"/v1/keys/a", "", 403},
		"list-webhooks":      {"/v1/webhooks", "", 200},
		"create-webhook":     {"/v1/webhooks", `{"url":"https://example.com/","owner":"ada"}`, 403},
		"get-webhook":        {"/v1/webhooks/%w", "", 403},
		"change-webhook":     {"/v1/webhooks/%w", `{"enabled":false}`, 403},
		"delete-webhook":     {"/v1/webhooks/%w", "", 403},
		"pause-webhook":      {"/v1/webhooks/%w/pause", "", 403},
		"resume-webhook":     {"/v1/webhooks/%w/resume", "", 403},
		"rotate-webhook":     {"/v1/webhooks/%w/rotate", "", 403},
		"test-webhook":       {"/v1/webhooks/%w/test", "", 403},
		"list-deliveries":    {"/v1/deliveries?webhook=%w", "", 403},
		"get-delivery":       {"/v1/deliveries/%d", "", 403},
		"resend-delivery":    {"/v1/deliveries/%d/resend", "", 403},
		"list-credentials":   {"/v1/credentials", "", 403},
		"hold-credential":    {"/v1/credentials/anthropic/hold", "", 403},
		"release-credential": {"/v1/credentials/anthropic/release", "", 403},
		"list-users":         {"/v1/users", "", 403},
		"create-user":        {"/v1/users", `{"name":"mine","password":"correct horse","admin":true}`, 403},
		"change-user":        {"/v1/users/ada", `{"admin":true}`, 403},
		"delete-user":        {"/v1/users/ada", "", 403},
		"login":              {"/auth/login", `{"user":"ada","password":"correct horse"}`, 401},
		"logout":             {"/auth/logout", "", 403},
		"list-acts":          {"/v1/audit", "", 403},
		"get-maintenance":    {"/v1/maintenance", "", 403},
		"set-maintenance":    {"/v1/maintenance", `{"enabled":true}`, 403},
		"reload-config":      {"/v1/config/reload", "", 403},
		"health":             {"/healthz", "", 200},
		"ready":              {"/readyz", "", 200},
	}
}

func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"one wall":  func(t *testing.T) string { t.Helper(); return postgrestest.New(t) },
		"two walls": func(t *testing.T) string { t.Helper(); return postgrestest.Granted(t, postgrestest.New(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rigAt(t, address(t), func(c *api.Config) { c.Limits.Stream = 50 * time.Millisecond }) // a stream ends
			r.strangersGetNothing()
		})
	}
}

func (r *rig) strangersGetNothing() {
	t := r.t
	t.Helper()
	const secret = "only-for-ada"
	task := r.submit(`{"kind":"report","input":{"n":1,"text":"` + secret + `"},"tags":["` + secret + `"],"metadata":{"x":"` + secret + `"}}`)
	claim := r.claim(task.ID)
	r.flush(claim, 0, printed(jobs.Stdout, secret))
	r.complete(claim, `{"x":"`+secret+`"}`)
	endpoint := r.endpoint(ada, `{"url":"https://hooks.example.com/`+secret+`"}`)
	ids := strings.NewReplacer("%s", task.ID, "%w", endpoint.ID, "%d", r.testMessage(ada, endpoint.ID).ID)
	r.call(ada, http.MethodPost, "/v1/schedules", `{"name":"adas","cron":"@daily","kind":"anything","input":"`+secret+`"}`).want(http.StatusCreated)
	walked := 0
	for template, methods := range r.schema.Paths {
		for method, operation := range methods {
			want, listed := strangers()[operation.OperationID]
			if !listed {
				t.Errorf("operation %s (%s %s) is not listed: what may a stranger do with it?", operation.OperationID, method, template)
				continue
			}
			walked++
			path := ids.Replace(want.path)
			a := r.call(bob, strings.ToUpper(method), path, want.body)
			if a.status != want.status || strings.Contains(a.body, secret) {
				t.Errorf("%s: status %d, want %d; or it shows what is another's: %s", operation.OperationID, a.status, want.status, a.body)
			}
			if want.status == http.StatusForbidden && operation.OperationID != "download-artifact" {
				a.refused(http.StatusForbidden, "forbidden", "")
			}
			anonymous := r.call("", strings.ToUpper(method), path, want.body)
			if len(operation.Security) > 0 {
				anonymous.refused(http.StatusUnauthorized, "unauthorized", "")
			} else if anonymous.status != want.status {
				t.Errorf("%s without a key: status %d, want %d", operation.OperationID, anonymous.status, want.status)
			}
		}
	}
	if walked != len(strangers()) {
		t.Errorf("%d operations in the document, %d in the list", walked, len(strangers()))
	}
	// The owner and an admin see what bob did not, and it is unharmed.
	for _, key := range []string{ada, root} {
		if a := r.call(key, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK); !strings.Contains(a.body, secret) || a.task().State != "completed" {
			t.Errorf("%s reads %s", key, a.body)
		}
	}
	if a := r.call(bob, http.MethodGet, "/v1/tasks", "").want(http.StatusOK); strings.Contains(a.body, task.ID) {
		t.Errorf("bob's list shows ada's task: %s", a.body)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, header := range map[string]string{
		"none": "", "unknown": "Bearer wrong", "empty": "Bearer ", "scheme alone": "Bearer", "basic": "Basic a2V5OmFkYQ==",
		"key alone": ada, "long": "Bearer " + strings.Repeat("x", 10_000), "twice": "Bearer " + ada + " " + bob,
		"the hash": "Bearer \xff", "SQL": "Bearer ' OR 1=1 --",
	} {
		a := r.call("", http.MethodGet, "/v1/kinds", "", "Authorization", header)
		a.refused(http.StatusUnauthorized, "unauthorized", "")
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: WWW-Authenticate %q", name, a.header.Get("WWW-Authenticate"))
		}
	}
	for _, header := range []string{"Bearer " + ada, "bearer " + ada, "BEARER  " + ada} {
		r.call("", http.MethodGet, "/v1/kinds", "", "Authorization", header).want(http.StatusOK)
	}
	r.call("", http.MethodGet, "/v1/kinds?key="+ada, "").refused(http.StatusUnauthorized, "unauthorized", "")
	r.call("late", http.MethodGet, "/v1/kinds", "").refused(http.StatusUnauthorized, "unauthorized", "")
	r.ok(r.store.SaveKey(t.Context(), jobs.Key{Name: "late", Owner: "late", Secrets: []jobs.KeySecret{{Hash: sha256.Sum256([]byte("late"))}}}))
	r.call("late", http.MethodGet, "/v1/kinds", "").want(http.StatusOK) // a refused key is not remembered
}
