package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/jobs"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.call(ada, http.MethodPost, "/v1/tasks", `{"kind":"report","input":{"n":1.0,"text":"ä<>&"},"tags":["x","y"],
		"metadata":{"b":1,"a":[2]},"priority":"high","timeout":"5m"}`).want(http.StatusAccepted)
	task := a.task()
	if want := "https://tasks.example.com/v1/tasks/" + task.ID; a.header.Get("Location") != want || task.Links["self"] != want {
		t.Errorf("Location %q, self %q; want %q", a.header.Get("Location"), task.Links["self"], want)
	}
	if task.Owner != "ada" || task.State != "pending" || task.Seq != 1 || task.MaxAttempts != 3 || task.Wait == nil || task.Wait.Reason != jobs.WaitQueued {
		t.Errorf("task %+v", task)
	}
	read := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
	var first, second map[string]any
	r.ok(json.Unmarshal([]byte(a.body), &first))
	r.ok(json.Unmarshal([]byte(read.body), &second))
	for _, name := range []string{"readToken", "readTokenExpiresAt"} {
		delete(first, name) // which nobody reads
	}
	delete(first, "wait") // no worker has come yet, which the first answer does not look up
	delete(second, "wait")
	if fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("the answer to the submit differs from what is read:\n%v\n%v", first, second)
	}
	stored, err := r.store.Task(t.Context(), a.uuid())
	r.ok(err)
	if stored.Timeout != 5*time.Minute || string(stored.Input) != `{"n":1.0,"text":"ä<>&"}` {
		t.Errorf("timeout %s, input %s", stored.Timeout, stored.Input)
	}
}

func TestScheduled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	at := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Microsecond)
	for name, test := range map[string]struct {
		body string
		want time.Time // zero: at once
	}{
		"scheduledAt": {`{"kind":"hurried","scheduledAt":"` + at.Format(time.RFC3339Nano) + `"}`, at},
		"delay":       {`{"kind":"hurried","delay":"2d"}`, at},
		"past":        {`{"kind":"hurried","scheduledAt":"0001-01-01T00:00:00Z"}`, time.Time{}},
		"no delay":    {`{"kind":"hurried","delay":"0s"}`, time.Time{}},
	} {
		task := r.submit(test.body)
		begins := time.Now()
		if test.want.IsZero() {
			if task.ScheduledAt != nil || task.Wait.Reason != jobs.WaitQueued {
				t.Errorf("%s: scheduledAt %v, wait %+v", name, task.ScheduledAt, task.Wait)
			}
		} else {
			begins = *task.ScheduledAt
			if begins.Sub(test.want).Abs() > time.Minute || task.Wait.Reason != jobs.WaitScheduled || task.Wait.Until == nil {
				t.Errorf("%s: scheduledAt %v, wait %+v", name, begins, task.Wait)
			}
		}
		var expires time.Time
		r.ok(r.store.Pool().QueryRow(t.Context(), `SELECT expires_at FROM freshet.attempts WHERE task_id = $1`, task.ID).Scan(&expires))
		if expires.Sub(begins.Add(time.Hour)).Abs() > time.Minute {
			t.Errorf("%s: expires %s, begins %s; want an hour between", name, expires, begins)
		}
	}
}

func TestPausedKindSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.call(root, http.MethodPost, "/v1/kinds/report/pause", "").want(http.StatusOK)
	if task := r.submit(`{"kind":"report","input":{"n":1}}`); task.Wait.Reason != jobs.WaitPaused {
		t.Errorf("wait %+v", task.Wait)
	}
	r.call(root, http.MethodPost, "/v1/kinds/report/resume", "").want(http.StatusOK)
	if task := r.submit(`{"kind":"report","input":{"n":1}}`); task.Wait.Reason != jobs.WaitQueued {
		t.Errorf("wait %+v", task.Wait)
	}
}

func TestNewKindIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.submit(`{"kind":"report","input":{"n":1}}`) // the catalogue is read
	r.ok(r.store.SyncKinds(t.Context(), append(rigKinds(), jobs.Kind{
		Name: "new", Command: []string{"true"}, Pool: "default", Timeout: time.Minute, Retry: jobs.Retry{MaxAttempts: 1},
	})))
	r.ok(r.server.Reload(t.Context()))
	if task := r.submit(`{"kind":"new"}`); task.MaxAttempts != 1 {
		t.Errorf("task %+v", task)
	}
}

func TestAdminSubmitsForOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"kind":"report","input":{"n":1},"owner":"carla"}`
	r.call(ada, http.MethodPost, "/v1/tasks", body).refused(http.StatusForbidden, "forbidden", "/owner")
	if task := r.call(root, http.MethodPost, "/v1/tasks", body).want(http.StatusAccepted).task(); task.Owner != "carla" {
		t.Errorf("owner %q", task.Owner)
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.submit(`{"kind":"anything","input":{"a":1,"b":{"c":2,"d":12345678901234567890}},"metadata":{"x":1,"y":2},"idempotencyKey":"k"}`)
	replays := map[string]string{
		"same":             `{"kind":"anything","input":{"a":1,"b":{"c":2,"d":12345678901234567890}},"metadata":{"x":1,"y":2},"idempotencyKey":"k"}`,
		"other key order":  `{"idempotencyKey":"k","metadata":{"y":2,"x":1},"input":{"b":{"d":12345678901234567890,"c":2},"a":1},"kind":"anything"}`,
		"defaults written": `{"kind":"anything","owner":"ada","priority":"normal","idempotencyScope":"retained","input":{"a":1,"b":{"c":2,"d":12345678901234567890}},"metadata":{"x":1,"y":2},"idempotencyKey":"k"}`,
	}
	for name, body := range replays {
		a := r.call(ada, http.MethodPost, "/v1/tasks", body).want(http.StatusOK)
		if a.task().ID != first.ID || a.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: task %s, want %s; replayed %q", name, a.task().ID, first.ID, a.header.Get("Idempotency-Replayed"))
		}
	}
	for name, body := range map[string]string{
		"another input":    `{"kind":"anything","input":{"a":2},"idempotencyKey":"k"}`,
		"a digit far down": strings.Replace(replays["same"], "890}", "891}", 1),
		"another kind":     `{"kind":"report","input":{"n":1},"idempotencyKey":"k"}`,
	} {
		a := r.call(ada, http.MethodPost, "/v1/tasks", body)
		a.refused(http.StatusConflict, "idempotency_conflict", "/idempotencyKey")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	other := r.call(bob, http.MethodPost, "/v1/tasks", replays["same"]).want(http.StatusAccepted).task()
	if other.ID == first.ID || other.Owner != "bob" {
		t.Errorf("another owner's key reached task %s of %s", other.ID, other.Owner)
	}
}

func TestOneKeyInParallelIsOneTask(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ids := make([]string, 20)
	var made, all sync.WaitGroup
	made.Add(1)
	for i := range ids {
		all.Go(func() {
			made.Wait()
			a := r.call(ada, http.MethodPost, "/v1/tasks", `{"kind":"report","input":{"n":1},"idempotencyKey":"click"}`)
			if a.status == http.StatusAccepted || a.status == http.StatusOK {
				ids[i] = a.task().ID
			}
		})
	}
	made.Done()
	all.Wait()
	slices.Sort(ids)
	if distinct := slices.Compact(slices.Clone(ids)); len(distinct) != 1 || distinct[0] == "" {
		t.Errorf("tasks %v; want one", distinct)
	}
	var stored int
	r.ok(r.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.tasks`).Scan(&stored))
	if stored != 1 {
		t.Errorf("%d tasks stored; want 1", stored)
	}
}

func TestActiveKeyIsFreedAtTheEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"kind":"report","input":{"n":1},"idempotencyKey":"k","idempotencyScope":"active"}`
	first := r.submit(body)
	r.call(ada, http.MethodPost, "/v1/tasks", body).want(http.StatusOK)
	r.complete(r.claim(first.ID), `{}`)
	if second := r.submit(body); second.ID == first.ID {
		t.Error("the key is still taken")
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var tasks []string
	for i := range 1000 {
		tasks = append(tasks, fmt.Sprintf(`{"kind":"report","input":{"n":%d},"idempotencyKey":"k%d"}`, i, i))
	}
	type result struct{ Items []taskDocument }
	body := `{"tasks":[` + strings.Join(tasks, ",") + `]}`
	first := decode[result](r.call(ada, http.MethodPost, "/v1/tasks/batch", body).want(http.StatusAccepted))
	if len(first.Items) != 1000 || first.Items[0].Input != nil {
		t.Fatalf("%d items, input %s", len(first.Items), first.Items[0].Input)
	}
	stored, err := r.store.Task(t.Context(), parse(first.Items[42].ID))
	r.ok(err)
	if string(stored.Input) != `{"n":42}` {
		t.Errorf("item 42 has input %s", stored.Input)
	}
	again := decode[result](r.call(ada, http.MethodPost, "/v1/tasks/batch", `{"tasks":[`+tasks[42]+`,{"kind":"anything"}]}`).want(http.StatusAccepted))
	if again.Items[0].ID != first.Items[42].ID {
		t.Errorf("the replay made task %s; want %s", again.Items[0].ID, first.Items[42].ID)
	}
	r.call(ada, http.MethodPost, "/v1/tasks/batch", `{"tasks":[{"kind":"anything"},{"kind":"report","input":{"n":7},"idempotencyKey":"k42"}]}`).
		refused(http.StatusConflict, "idempotency_conflict", "/tasks/1/idempotencyKey")
	for name, refusal := range map[string]struct{ body, code, pointer string }{
		"bad input":     {`{"tasks":[{"kind":"anything"},{"kind":"report","input":{"n":"x"}}]}`, "invalid_input", "/tasks/1/input/n"},
		"unknown kind":  {`{"tasks":[{"kind":"anything"},{"kind":"reprot"}]}`, "unknown_kind", "/tasks/1/kind"},
		"bad field":     {`{"tasks":[{"kind":"anything","tags":[""]}]}`, "invalid_request", "/tasks/0/tags/0"},
		"none":          {`{"tasks":[]}`, "invalid_request", "/tasks"},
		"too many":      {`{"tasks":[` + strings.Repeat(`{"kind":"anything"},`, 1000) + `{"kind":"anything"}]}`, "invalid_request", "/tasks"},
		"tasks missing": {`{}`, "invalid_request", "/tasks"},
	} {
		a := r.call(ada, http.MethodPost, "/v1/tasks/batch", refusal.body)
		if a.refused(http.StatusUnprocessableEntity, refusal.code, refusal.pointer); t.Failed() {
			t.Fatal(name)
		}
	}
	var stored1 int
	r.ok(r.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM freshet.tasks`).Scan(&stored1))
	if stored1 != 1001 {
		t.Errorf("%d tasks stored; want 1001: a refused batch left something", stored1)
	}
}
