package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

type userDocument struct {
	Name            string
	Admin, Disabled bool
	LastLoginAt     *time.Time
}

func (r *rig) users() map[string]userDocument {
	r.t.Helper()
	byName := map[string]userDocument{}
	for _, user := range decode[struct{ Items []userDocument }](r.call(root, http.MethodGet, "/v1/users", "").want(http.StatusOK)).Items {
		byName[user.Name] = user
	}
	return byName
}

func TestUsers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("ada", false)
	r.user("eve@example.com", true)
	r.script("eve@example.com")
	users := r.users()
	if len(users) != 2 || users["ada"].Admin || users["ada"].LastLoginAt != nil || !users["eve@example.com"].Admin || users["eve@example.com"].LastLoginAt == nil {
		t.Errorf("users %+v", users)
	}
	r.call(root, http.MethodPost, "/v1/users", `{"name":"ada","password":"correct horse"}`).refused(http.StatusConflict, "name_taken", "/name")
	for body, pointer := range map[string]string{
		`{"name":"Ada","password":"correct horse"}`: "/name", `{"name":"","password":"correct horse"}`: "/name",
		`{"name":"a b","password":"correct horse"}`: "/name", `{"name":"\u0430da","password":"correct horse"}`: "/name",
		`{"name":"../a","password":"correct horse"}`: "/name", `{"name":"a","password":"short"}`: "/password", `{"name":"a"}`: "/password",
		`{"name":"a","password":"` + strings.Repeat("x", 129) + `"}`:             "/password",
		`{"name":"` + strings.Repeat("a", 101) + `","password":"correct horse"}`: "/name",
	} {
		r.call(root, http.MethodPost, "/v1/users", body).refused(http.StatusUnprocessableEntity, "invalid_request", pointer)
	}
	r.call(root, http.MethodPatch, "/v1/users/ada", `{}`).refused(http.StatusUnprocessableEntity, "invalid_request", "")
	r.call(root, http.MethodPatch, "/v1/users/ada", `{"password":"short"}`).refused(http.StatusUnprocessableEntity, "invalid_request", "/password")
	r.call(root, http.MethodPatch, "/v1/users/nobody", `{"admin":true}`).refused(http.StatusNotFound, "not_found", "")
	r.call(root, http.MethodDelete, "/v1/users/nobody", "").refused(http.StatusNotFound, "not_found", "")
	if all := r.call(root, http.MethodGet, "/v1/users", ""); strings.Contains(all.body, "argon2") {
		t.Errorf("the list shows hashes: %s", all.body)
	}
	if strings.Contains(r.log.String(), horse) {
		t.Error("the log knows a password")
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("bob", false)
	r.user("eve", true)
	task := r.submit(`{"kind":"anything"}`)
	bobs := r.call(r.script("bob"), http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted).task()
	if bobs.Owner != "bob" {
		t.Errorf("the task belongs to %s", bobs.Owner)
	}
	person := r.script("bob")
	r.call(person, http.MethodGet, "/v1/tasks/"+bobs.ID, "").want(http.StatusOK)
	r.call(bob, http.MethodGet, "/v1/tasks/"+bobs.ID, "").want(http.StatusOK) // the same owner
	r.call(person, http.MethodGet, "/v1/tasks/"+task.ID, "").refused(http.StatusForbidden, "forbidden", "")
	r.call(person, http.MethodPost, "/v1/tasks", `{"kind":"anything","owner":"ada"}`).refused(http.StatusForbidden, "forbidden", "/owner")
	r.call(person, http.MethodPatch, "/v1/users/bob", `{"admin":true}`).refused(http.StatusForbidden, "forbidden", "")
	r.call(r.script("eve"), http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
	r.call(r.script("eve"), http.MethodGet, "/v1/workers", "").want(http.StatusOK)
	// A role that is taken away is gone at once.
	admin := r.script("eve")
	r.call(root, http.MethodPatch, "/v1/users/eve", `{"admin":false}`).want(http.StatusOK)
	r.call(admin, http.MethodGet, "/v1/workers", "").refused(http.StatusUnauthorized, "unauthorized", "")
	r.call(r.script("eve"), http.MethodGet, "/v1/workers", "").refused(http.StatusForbidden, "forbidden", "")
}

// Whatever is changed of a user ends the sessions, the tokens that were made in them and the open streams,
// and nobody else's.
func TestChangedUserIsShutOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Revoke = 20 * time.Millisecond }).live()
	r.run(r.server.Run)
	for i, change := range []struct{ method, body string }{
		{http.MethodPatch, `{"password":"other horse"}`}, {http.MethodPatch, `{"disabled":true}`},
		{http.MethodPatch, `{"admin":true}`}, {http.MethodDelete, ""},
	} {
		name := fmt.Sprintf("user-%d", i)
		r.user(name, false)
		session := r.script(name)
		submitted := r.call(session, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted)
		task := submitted.task()
		token := r.token(session, `{"scopes":["read"],"ttl":"1h"}`)
		read := decode[struct{ ReadToken string }](submitted).ReadToken
		bearers := []string{session, token, read}
		ended := make(chan answer, len(bearers))
		for _, bearer := range bearers {
			go func() { ended <- r.call(bearer, http.MethodGet, "/v1/tasks/"+task.ID+"/stream", "") }()
		}
		other := make(chan answer, 1)
		go func() { other <- r.call(root, http.MethodGet, "/v1/tasks/"+task.ID+"/stream", "") }()
		r.until("four streams are open", func() bool { return r.hub.Streams() == 4 })
		a := r.call(root, change.method, "/v1/users/"+name, change.body)
		if a.status/100 != 2 {
			t.Fatalf("%s: status %d: %s", change.body, a.status, a.body)
		}
		for range bearers {
			if a := (<-ended).want(http.StatusOK); change.body != "" && strings.Contains(a.body, "event: end") {
				t.Errorf("%s: the stream ended by itself: %s", change.body, a.body)
			}
		}
		for _, bearer := range bearers {
			r.call(bearer, http.MethodGet, "/v1/tasks/"+task.ID, "").refused(http.StatusUnauthorized, "unauthorized", "")
		}
		if change.method == http.MethodPatch {
			r.call(root, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
		}
		if a := (<-other).want(http.StatusOK); !strings.Contains(a.body, "event: end") {
			t.Errorf("%s: root's stream was cut: %s", change.body, a.body)
		}
	}
	r.login("user-0", "other horse").want(http.StatusOK)
	r.login("user-0", horse).refused(http.StatusUnauthorized, "unauthorized", "")
	r.login("user-1", horse).refused(http.StatusUnauthorized, "unauthorized", "")
	r.call(root, http.MethodPatch, "/v1/users/user-1", `{"disabled":false}`).want(http.StatusOK)
	r.login("user-1", horse).want(http.StatusOK)
}

func TestLogoutEndsTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("eve", false)
	session, other := r.script("eve"), r.script("eve")
	token := r.token(session, `{"scopes":["read"],"ttl":"1h"}`)
	r.call(token, http.MethodGet, "/v1/tasks", "").want(http.StatusOK)
	r.call(token, http.MethodPost, "/auth/logout", "").refused(http.StatusForbidden, "forbidden", "")
	made := decode[tokenDocument](r.call(session, http.MethodPost, "/v1/tokens", `{"scopes":["read"],"ttl":"1h"}`).want(http.StatusCreated))
	if life := time.Until(made.ExpiresAt); life > 15*time.Minute {
		t.Errorf("a token of %v outlives the session that it was made in", life)
	}
	r.call(session, http.MethodPost, "/auth/logout", "").want(http.StatusNoContent)
	r.call(token, http.MethodGet, "/v1/tasks", "").refused(http.StatusUnauthorized, "unauthorized", "")
	r.call(other, http.MethodGet, "/v1/tasks", "").want(http.StatusOK)
	// Somebody makes the user anew: who was signed in before is not signed in again.
	r.call(root, http.MethodDelete, "/v1/users/eve", "").want(http.StatusNoContent)
	r.user("eve", false)
	r.call(other, http.MethodGet, "/v1/tasks", "").refused(http.StatusUnauthorized, "unauthorized", "")
}

func TestDeletedUserLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("eve", false)
	session := r.script("eve")
	submit := func(key, body string) taskDocument {
		return r.call(key, http.MethodPost, "/v1/tasks", body).want(http.StatusAccepted).task()
	}
	waiting, running := submit(session, `{"kind":"anything"}`), submit(session, `{"kind":"anything"}`)
	scheduled, done := submit(session, `{"kind":"anything","delay":"1h"}`), submit(session, `{"kind":"anything"}`)
	many := `{"tasks":[` + strings.Repeat(`{"kind":"anything"},`, 600) + `{"kind":"anything"}]}` // more than are looked for at a time
	r.call(session, http.MethodPost, "/v1/tasks/batch", many).want(http.StatusAccepted)
	r.call(session, http.MethodPost, "/v1/schedules", `{"name":"nightly","kind":"anything","cron":"0 3 * * *"}`).want(http.StatusCreated)
	another := r.submit(`{"kind":"anything"}`)
	claim := r.claim(running.ID)
	r.complete(r.claim(done.ID), `{}`)
	r.call(root, http.MethodDelete, "/v1/users/eve", "").want(http.StatusNoContent)
	if a := r.call(root, http.MethodGet, "/v1/schedules/nightly", "").want(http.StatusOK); !strings.Contains(a.body, `"pausedAt"`) {
		t.Errorf("the user's schedule goes on: %s", a.body)
	}
	var alive int
	r.ok(r.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.tasks WHERE owner = 'eve' AND state = 'pending'`).Scan(&alive))
	if alive != 0 {
		t.Errorf("%d tasks of the user still wait", alive)
	}
	read := func(task taskDocument) taskDocument {
		return r.call(root, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK).task()
	}
	for name, task := range map[string]taskDocument{"waiting": waiting, "scheduled": scheduled} {
		if got := read(task); got.State != "cancelled" {
			t.Errorf("the %s task is %s", name, got.State)
		}
	}
	if got := read(running); got.State != "running" || got.CancelRequestedAt == nil {
		t.Errorf("the running task is %s, cancel requested at %v", got.State, got.CancelRequestedAt)
	}
	r.ok(r.store.End(t.Context(), jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeCancelled}))
	if got := read(running); got.State != "cancelled" {
		t.Errorf("the running task is %s when its command is dead", got.State)
	}
	if read(done).State != "completed" || read(another).State != "pending" {
		t.Error("a task was touched that is none of the user's unfinished ones")
	}
	r.call(session, http.MethodGet, "/v1/tasks", "").refused(http.StatusUnauthorized, "unauthorized", "")
	r.login("eve", horse).refused(http.StatusUnauthorized, "unauthorized", "")
}
