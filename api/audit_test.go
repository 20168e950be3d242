package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
)

type actDocument struct {
	Actor, Owner, Action, Object, Address, UserAgent, RequestID string
	At                                                          time.Time
	Status                                                      int
}

type actsDocument struct {
	Items      []actDocument
	NextCursor string
}

func (r *rig) acts(query string) actsDocument {
	r.t.Helper()
	return decode[actsDocument](r.call(root, http.MethodGet, "/v1/audit?"+query, "").want(http.StatusOK))
}

// done is who did what to what, the first one first.
func (d actsDocument) done() []string {
	var lines []string
	for _, act := range slices.Backward(d.Items) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s/%s %s %d %s", act.Actor, act.Owner, act.Action, act.Status, act.Object)))
	}
	return lines
}

func TestActsAreWrittenDown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(anything)
	r.call(ada, http.MethodPost, "/v1/tasks/batch", batch(anything)).want(http.StatusAccepted)
	token := r.token(ada, `{"scopes":["cancel"]}`)
	r.call(token, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/retry", "").want(http.StatusOK)
	again := r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/rerun", "").want(http.StatusAccepted).task()
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
	r.call(ada, http.MethodDelete, "/v1/tasks/"+task.ID, "").want(http.StatusNoContent)
	r.call(root, http.MethodPost, "/v1/kinds/report/pause", "").want(http.StatusOK)
	r.key(`{"name":"web-app"}`)
	endpoint := r.endpoint(ada, `{"url":"https://hooks.example.com/"}`)
	r.call(root, http.MethodPost, "/v1/maintenance", `{"enabled":true}`).want(http.StatusOK)
	cookie := r.signIn("root", true)
	r.call("", http.MethodPost, "/v1/maintenance", `{"enabled":false}`, "Cookie", cookie).want(http.StatusOK)
	r.browse(http.MethodPost, "/logout", "", "Cookie", cookie)

	// What changes nothing is not written down, unless it was refused with 403.
	r.call(ada, http.MethodGet, "/v1/tasks/"+again.ID, "").want(http.StatusOK)
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").refused(http.StatusNotFound, "not_found", "")
	r.call("", http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").refused(http.StatusUnauthorized, "unauthorized", "")
	r.call(root, http.MethodPost, "/v1/keys", `{}`).refused(http.StatusUnprocessableEntity, "invalid_request", "")
	r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything","owner":"ada"}`).refused(http.StatusForbidden, "forbidden", "")

	want := []string{
		"token/ada cancel-task 200 " + task.ID, "a/ada retry-task 200 " + task.ID, "a/ada rerun-task 202 " + task.ID + " " + again.ID,
		"a/ada cancel-task 200 " + task.ID, "a/ada delete-task 204 " + task.ID, "r/root pause-kind 200 report", "r/root create-key 201 web-app",
		"a/ada create-webhook 201 " + endpoint.ID, "r/root set-maintenance 200 begin", "session/root sign-in 303",
		"session/root set-maintenance 200 end", "session/root sign-out 303", "b/bob submit-task 403",
	}
	// Who has an answer can have done the next before the line of the one before is written.
	got := r.acts("limit=200").done()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("written down:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every operation that can change something is written down when a stranger tries it: a new one, too.
func TestEveryRefusalIsWrittenDown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(anything)
	endpoint := r.endpoint(ada, `{"url":"https://hooks.example.com/"}`)
	ids := strings.NewReplacer("%s", task.ID, "%w", endpoint.ID, "%d", r.testMessage(ada, endpoint.ID).ID)
	r.call(ada, http.MethodPost, "/v1/schedules", `{"name":"adas","cron":"@daily","kind":"anything"}`).want(http.StatusCreated)
	want := map[string]int{}
	for _, methods := range r.schema.Paths {
		for method, operation := range methods {
			stranger := strangers()[operation.OperationID]
			if method == "get" || stranger.status != http.StatusForbidden {
				continue
			}
			key := fmt.Sprintf("key of %s", operation.OperationID) // one may not try too often
			r.ok(r.store.SaveKey(t.Context(), jobs.Key{Name: operation.OperationID, Owner: operation.OperationID, Scopes: []jobs.Scope{"read", "write", "cancel"}, Secrets: secretOf(key)}))
			r.call(key, strings.ToUpper(method), ids.Replace(stranger.path), stranger.body).want(http.StatusForbidden)
			want[operation.OperationID]++
		}
	}
	got := map[string]int{}
	for _, act := range r.acts("limit=200").Items {
		if act.Status == http.StatusForbidden {
			got[act.Action]++
		}
	}
	if len(want) < 20 || !maps.Equal(got, want) {
		t.Errorf("written down: %v\nrefused: %v", got, want)
	}
}

func TestAuditLogHoldsNoSecretsAndNoTricks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const secret = "hunter2"
	r.call(root, http.MethodPost, "/v1/keys?key="+secret, `{"name":"web-app"}`).refused(http.StatusUnprocessableEntity, "invalid_parameter", "")
	key := r.key(`{"name":"web-app"}`)
	made := r.endpoint(ada, `{"url":"https://hooks.example.com/`+secret+`","headers":{"X-Secret":"`+secret+`"}}`)
	r.call(root, http.MethodPost, "/v1/maintenance", `{"enabled":false,"message":"`+secret+`"}`).want(http.StatusOK)
	r.call(root, http.MethodDelete, "/v1/keys/web-app", "", "User-Agent", "a\u202eb\xff"+strings.Repeat("ä", 500)).want(http.StatusNoContent)
	r.call(bob, http.MethodPost, "/v1/kinds/"+strings.Repeat("k", 5000)+"/pause", "").refused(http.StatusForbidden, "forbidden", "")
	r.call(bob, http.MethodPost, "/v1/kinds/a%0a%7b%22level%22/pause", "").refused(http.StatusForbidden, "forbidden", "")
	a := r.call(root, http.MethodGet, "/v1/audit", "").want(http.StatusOK)
	for _, text := range []string{secret, key, made.Secret, root, ada, bob, "\u202e", `\u202e`, `\n`} {
		if strings.Contains(a.body, text) {
			t.Errorf("the audit log shows %q: %s", text, a.body)
		}
	}
	for _, act := range decode[actsDocument](a).Items {
		if len(act.Object) > 600 || len(act.UserAgent) > 600 || act.Address != "127.0.0.1" || act.RequestID == "" || time.Since(act.At) > time.Hour {
			t.Errorf("act %+v", act)
		}
	}
}

func TestRefusalsCannotFillTheAuditLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	began := time.Now()
	for range 60 {
		r.call(bob, http.MethodPost, "/v1/maintenance", `{"enabled":true}`).refused(http.StatusForbidden, "forbidden", "")
	}
	most := 21 + int(time.Since(began).Seconds())
	if n := len(r.acts("limit=200").Items); n < 20 || n > most {
		t.Errorf("%d lines, at most %d", n, most)
	}
	r.call(ada, http.MethodPost, "/v1/maintenance", `{"enabled":true}`).refused(http.StatusForbidden, "forbidden", "")
	if n := len(r.acts("actor=a").Items); n != 1 {
		t.Errorf("%d lines of somebody else", n)
	}
}

// An act that cannot be written down is done all the same, and the log has it.
func TestAuditLogIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(anything)
	_, err := r.store.Pool().Exec(t.Context(), `ALTER TABLE freshet.audit_log RENAME TO elsewhere`)
	r.ok(err)
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
	r.logged("an act is missing in the audit log")
	r.logged(`"action":"cancel-task","object":"` + task.ID + `"`)
}

func TestAuditLogIsReadPageByPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 5 {
		r.call(root, http.MethodPost, "/v1/kinds/report/pause", "").want(http.StatusOK)
	}
	r.call(root, http.MethodPost, "/v1/kinds/report/resume", "").want(http.StatusOK)
	since := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for query, want := range map[string]int{
		"": 6, "action=pause-kind": 5, "actor=r": 6, "actor=a": 0, "action=resume-kind&actor=r": 1, "since=" + since: 0,
	} {
		if n := len(r.acts(query).Items); n != want {
			t.Errorf("%q: %d lines, want %d", query, n, want)
		}
	}
	var seen []actDocument
	for cursor := ""; ; {
		page := r.acts("action=pause-kind&limit=2&cursor=" + cursor)
		seen = append(seen, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			break
		}
		r.call(root, http.MethodGet, "/v1/audit?action=resume-kind&cursor="+cursor, "").refused(http.StatusBadRequest, "bad_cursor", "")
	}
	if len(seen) != 5 || !slices.IsSortedFunc(seen, func(a, b actDocument) int { return b.At.Compare(a.At) }) {
		t.Errorf("%d lines in pages: %+v", len(seen), seen)
	}
}
