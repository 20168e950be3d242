package api_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs/postgres/postgrestest"
)

type endpointDocument struct {
	ID, URL, Owner, Secret, DisabledReason string
	Everyone, Enabled                      bool
	Events, Kinds                          []string
	PausedAt                               *time.Time
}

func (r *rig) endpoint(key, request string) endpointDocument {
	r.t.Helper()
	return decode[endpointDocument](r.call(key, http.MethodPost, "/v1/webhooks", request).want(http.StatusCreated))
}

type deliveryDocument struct {
	ID, MessageID, WebhookID, URL, Owner, Type, TaskID, State string
	Tries                                                     int
	NextAt, CompletedAt                                       *time.Time
	History                                                   []struct {
		Number, Status int
		Answer, Error  string
	}
}

func (r *rig) testMessage(key, endpoint string) deliveryDocument {
	r.t.Helper()
	return decode[deliveryDocument](r.call(key, http.MethodPost, "/v1/webhooks/"+endpoint+"/test", "").want(http.StatusAccepted))
}

func (r *rig) deliveries(key, query string) []deliveryDocument {
	r.t.Helper()
	return decode[struct{ Items []deliveryDocument }](r.call(key, http.MethodGet, "/v1/deliveries"+query, "").want(http.StatusOK)).Items
}

func TestEndpointIsMadeAndChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := r.endpoint(ada, `{"url":"https://hooks.example.com/x","headers":{"Authorization":"Bearer hush"}}`)
	if !strings.HasPrefix(made.Secret, "whsec_") || made.Owner != "ada" || made.Everyone || !made.Enabled || len(made.Events) != 3 || len(made.Kinds) != 0 {
		t.Errorf("made %+v", made)
	}
	path := "/v1/webhooks/" + made.ID
	for _, shown := range []answer{r.call(ada, http.MethodGet, path, "").want(http.StatusOK), r.call(ada, http.MethodGet, "/v1/webhooks", "").want(http.StatusOK)} {
		if strings.Contains(shown.body, made.Secret) || strings.Contains(shown.body, "hush") {
			t.Errorf("a secret is shown: %s", shown.body)
		}
	}
	changed := decode[endpointDocument](r.call(ada, http.MethodPatch, path, `{"events":["task.started"],"kinds":["report"],"enabled":false}`).want(http.StatusOK))
	if changed.Enabled || changed.URL != made.URL || len(changed.Events) != 1 || len(changed.Kinds) != 1 {
		t.Errorf("changed %+v", changed)
	}
	if paused := decode[endpointDocument](r.call(ada, http.MethodPost, path+"/pause", "").want(http.StatusOK)); paused.PausedAt == nil {
		t.Errorf("paused %+v", paused)
	}
	if resumed := decode[endpointDocument](r.call(ada, http.MethodPost, path+"/resume", "").want(http.StatusOK)); resumed.PausedAt != nil {
		t.Errorf("resumed %+v", resumed)
	}
	rotated := decode[endpointDocument](r.call(ada, http.MethodPost, path+"/rotate", `{"keep":"1h"}`).want(http.StatusCreated))
	if !strings.HasPrefix(rotated.Secret, "whsec_") || rotated.Secret == made.Secret {
		t.Errorf("rotated %+v", rotated)
	}
	r.call(ada, http.MethodDelete, path, "").want(http.StatusNoContent)
	r.call(ada, http.MethodGet, path, "").refused(http.StatusNotFound, "not_found", "")
}

func TestEndpointsThatCannotBe(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for body, pointer := range map[string]string{
		`{"url":"http://example.com/"}`:                                  "/url",
		`{"url":"https://127.0.0.1/"}`:                                   "/url",
		`{"url":"https://user:password@example.com/"}`:                   "/url",
		`{"url":"https://example.com/","events":[]}`:                     "/events",
		`{"url":"https://example.com/","events":["task.progress"]}`:      "/events/0",
		`{"url":"https://example.com/","kinds":["No Kind"]}`:             "/kinds/0",
		`{"url":"https://example.com/","headers":{"webhook-id":"mine"}}`: "/headers",
	} {
		r.call(ada, http.MethodPost, "/v1/webhooks", body).refused(http.StatusUnprocessableEntity, "invalid_request", pointer)
	}
	r.call(ada, http.MethodPost, "/v1/webhooks", `{"url":"https://example.com/","everyone":true}`).refused(http.StatusForbidden, "forbidden", "")
	if all := r.call(ada, http.MethodGet, "/v1/webhooks", "").want(http.StatusOK); strings.Contains(all.body, "example.com") {
		t.Errorf("an endpoint was stored: %s", all.body)
	}
}

// Of a task only those hear who may: its owner's endpoints, those of everybody's, and its own webhook.
func TestWhoHearsOfATask(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	server := r.key(`{"name":"web-app","actAsOwner":true}`)
	const url = `"url":"https://hooks.example.com/"`
	own := r.endpoint(ada, `{`+url+`}`)
	starts := r.endpoint(ada, `{`+url+`,"events":["task.created","task.started"]}`)
	otherKind := r.endpoint(ada, `{`+url+`,"kinds":["report"]}`)
	off := r.endpoint(ada, `{`+url+`,"enabled":false}`)
	everyone := r.endpoint(server, `{`+url+`,"everyone":true,"events":["task.completed"]}`)
	for _, key := range []string{bob, root} {
		r.endpoint(key, `{`+url+`}`)
	}
	task := r.call(server, http.MethodPost, "/v1/tasks", `{"kind":"anything","owner":"ada","webhookUrl":"https://app.example.com/done"}`).want(http.StatusAccepted).task()
	r.complete(r.claim(task.ID), `{"sum":3}`)
	types := map[string][]string{}
	for _, d := range r.deliveries(root, "?task="+task.ID) {
		if d.TaskID != task.ID || !strings.HasPrefix(d.MessageID, task.ID+"_") {
			t.Errorf("delivery %+v", d)
		}
		types[d.WebhookID] = append(types[d.WebhookID], d.Type+" for "+d.Owner)
	}
	want := map[string]string{
		own.ID: "task.completed for ada", starts.ID: "task.started for ada,task.created for ada",
		everyone.ID: "task.completed for web-app", "": "task.completed for web-app",
	}
	for id, text := range want {
		if got := strings.Join(types[id], ","); got != text {
			t.Errorf("%s hears %s, want %s", id, got, text)
		}
	}
	if len(types) != len(want) || types[otherKind.ID] != nil || types[off.ID] != nil {
		t.Errorf("others hear, too: %v", types)
	}
	if shown := r.deliveries(ada, "?task="+task.ID); len(shown) != 3 {
		t.Errorf("ada sees %+v, and none of the app's own", shown)
	}
	again := r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/rerun", "").want(http.StatusAccepted).task()
	r.complete(r.claim(again.ID), `{}`)
	if told := r.deliveries(root, "?task="+again.ID); len(told) != 5 {
		t.Errorf("of the rerun %d hear, not those who heard of the task", len(told))
	}
	// What is gone leaves nothing to be sent.
	r.call(root, http.MethodDelete, "/v1/tasks/"+task.ID, "").want(http.StatusNoContent)
	if left := r.deliveries(root, "?task="+task.ID); len(left) != 0 {
		t.Errorf("deliveries of a deleted task: %+v", left)
	}
}

// Whoever has the same owner as an app's server, but may not act for others, hears nothing of others' tasks:
// neither by turning the server's endpoint to an address of its own, nor by what was delivered.
func TestWhatHearsOfEveryoneIsNotForOneOwner(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"one wall":  func(t *testing.T) string { t.Helper(); return postgrestest.New(t) },
		"two walls": func(t *testing.T) string { t.Helper(); return postgrestest.Granted(t, postgrestest.New(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rigAt(t, address(t))
			server := r.key(`{"name":"web-app","actAsOwner":true}`)
			plain := r.key(`{"name":"plain","owner":"web-app"}`)
			const url = `"url":"https://hooks.example.com/"`
			everyone, own := r.endpoint(server, `{`+url+`,"everyone":true}`), r.endpoint(plain, `{`+url+`}`)
			const task = `{"kind":"anything","webhookUrl":"https://app.example.com/done"`
			adas := r.call(server, http.MethodPost, "/v1/tasks", task+`,"owner":"ada"}`).want(http.StatusAccepted).task()
			mine := r.call(plain, http.MethodPost, "/v1/tasks", task+`}`).want(http.StatusAccepted).task()
			for _, task := range []string{adas.ID, mine.ID} {
				r.complete(r.claim(task), `{}`)
			}
			path := "/v1/webhooks/" + everyone.ID
			for _, try := range [][3]string{
				{http.MethodGet, path, ""}, {http.MethodPatch, path, `{"url":"https://evil.example/"}`}, {http.MethodDelete, path, ""},
				{http.MethodPost, path + "/pause", ""}, {http.MethodPost, path + "/rotate", ""}, {http.MethodPost, path + "/test", ""},
				{http.MethodGet, "/v1/deliveries?webhook=" + everyone.ID, ""},
			} {
				r.call(plain, try[0], try[1], try[2]).refused(http.StatusForbidden, "forbidden", "")
			}
			all := map[string]string{}
			for _, d := range r.deliveries(server, "") {
				all[d.ID] = d.TaskID + " to " + d.WebhookID
			}
			shown := map[string]bool{}
			for _, d := range r.deliveries(plain, "") {
				shown[all[d.ID]] = true
			}
			want := map[string]bool{mine.ID + " to " + own.ID: true, mine.ID + " to ": true}
			if len(all) != 5 || !maps.Equal(shown, want) {
				t.Errorf("of %v it is shown %v, want %v", all, shown, want)
			}
			for id, what := range all {
				status := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[want[what]]
				r.call(plain, http.MethodGet, "/v1/deliveries/"+id, "").want(status)
				r.call(server, http.MethodGet, "/v1/deliveries/"+id, "").want(http.StatusOK)
			}
			if list := r.call(plain, http.MethodGet, "/v1/webhooks", "").want(http.StatusOK); strings.Contains(list.body, everyone.ID) || !strings.Contains(list.body, own.ID) {
				t.Errorf("it lists %s", list.body)
			}
			r.call(server, http.MethodPatch, path, `{"url":"https://else.example/"}`).want(http.StatusOK)
		})
	}
}

func TestWebhookOfATaskNeedsASigningKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Webhooks.AllowHTTP = true })
	body := `{"kind":"anything","webhookUrl":"http://app.example.com/done"}`
	r.call(ada, http.MethodPost, "/v1/tasks", body).refused(http.StatusUnprocessableEntity, "invalid_request", "/webhookUrl") // stored before there were such secrets
	key := r.key(`{"name":"web-app"}`)
	r.call(key, http.MethodPost, "/v1/tasks", body).want(http.StatusAccepted)
	r.call(key, http.MethodPost, "/v1/tasks", `{"kind":"anything","webhookUrl":"http://localhost/"}`).refused(http.StatusUnprocessableEntity, "invalid_request", "/webhookUrl")
}

func TestDeliveryListPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	endpoint := r.endpoint(ada, `{"url":"https://hooks.example.com/"}`)
	for range 5 {
		r.testMessage(ada, endpoint.ID)
	}
	seen := map[string]bool{}
	for query := "?limit=2"; ; {
		a := r.call(ada, http.MethodGet, "/v1/deliveries"+query, "").want(http.StatusOK)
		page := decode[struct {
			Items      []deliveryDocument
			NextCursor string
		}](a)
		for _, d := range page.Items {
			seen[d.ID] = true
		}
		if page.NextCursor == "" {
			break
		}
		r.call(bob, http.MethodGet, "/v1/deliveries?limit=2&cursor="+page.NextCursor, "").refused(http.StatusBadRequest, "bad_cursor", "")
		r.call(ada, http.MethodGet, "/v1/tasks?cursor="+page.NextCursor, "").refused(http.StatusBadRequest, "bad_cursor", "")
		query = "?limit=2&cursor=" + page.NextCursor
	}
	if len(seen) != 5 {
		t.Errorf("%d of 5 deliveries are listed", len(seen))
	}
}
