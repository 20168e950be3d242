package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

type scheduleDocument struct {
	Name, Owner, Source, Kind, Priority, Cron, Timezone, Missed string
	Input                                                       json.RawMessage
	Tags                                                        []string
	PausedAt, NextAt, LastAt                                    *time.Time
	Next                                                        []time.Time
	LastTaskID, LastError                                       string
}

func (r *rig) schedule(key, body string) scheduleDocument {
	r.t.Helper()
	return decode[scheduleDocument](r.call(key, http.MethodPost, "/v1/schedules", body).want(http.StatusCreated))
}

// fromFile makes one of freshet.yaml's, due in an hour.
func (r *rig) fromFile(names ...string) {
	r.t.Helper()
	var all []jobs.Schedule
	for _, name := range names {
		all = append(all, jobs.Schedule{
			Name: name, Owner: "admin", Kind: "anything", Input: json.RawMessage(`{}`), Priority: jobs.Normal,
			Cron: "0 * * * *", Timezone: "UTC", Missed: jobs.RunOnce, NextAt: time.Now().Add(time.Hour),
		})
	}
	taken, err := r.store.SyncSchedules(r.t.Context(), all)
	r.ok(err)
	if len(taken) > 0 {
		r.t.Fatalf("taken: %v", taken)
	}
}

func TestSchedulesOfAnOwner(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.OpenTasks = 1 })
	made := func(i int) string { return fmt.Sprintf(`{"name":"s%d","cron":"@hourly","kind":"anything"}`, i) }
	for i := range 100 {
		r.schedule(ada, made(i))
	}
	r.call(ada, http.MethodPost, "/v1/schedules", made(100)).refused(http.StatusUnprocessableEntity, "invalid_request", "")
	r.schedule(bob, made(101))
	r.call(ada, http.MethodPost, "/v1/schedules/s1/run", "").want(http.StatusAccepted)
	r.call(ada, http.MethodPost, "/v1/schedules/s1/run", "").refused(http.StatusTooManyRequests, "too_many_tasks", "")
	if acts := r.acts("action=create-schedule&limit=1").Items; len(acts) != 1 || acts[0].Object != "s101" {
		t.Errorf("written down: %+v", acts)
	}
}

func TestScheduleIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	plain := r.schedule(ada, `{"name":"plain","cron":"@hourly","kind":"anything"}`)
	if plain.Owner != "ada" || plain.Source != "api" || plain.Timezone != "UTC" || plain.Missed != "run_once" || plain.Priority != "normal" ||
		string(plain.Input) != "{}" || plain.NextAt.Minute() != 0 || time.Until(*plain.NextAt) > time.Hour {
		t.Errorf("schedule %+v", plain)
	}
	made := r.schedule(ada, `{"name":"nightly","cron":"0 3 * * *","timezone":"Asia/Tokyo","kind":"report","input":{"n":1},"tags":["night"],
		"priority":"low","missed":"skip"}`)
	if made.Missed != "skip" || made.Priority != "low" || made.Tags[0] != "night" || len(made.Next) != 5 || !made.Next[0].Equal(*made.NextAt) {
		t.Errorf("schedule %+v", made)
	}
	for i, at := range made.Next {
		if at.Hour() != 18 || at.Minute() != 0 || i > 0 && at.Sub(made.Next[i-1]) != 24*time.Hour {
			t.Errorf("the next times are %v", made.Next)
		}
	}
	if a := r.call(ada, http.MethodGet, "/v1/schedules", "").want(http.StatusOK); strings.Count(a.body, `"name"`) != 2 {
		t.Errorf("the list is %s", a.body)
	}
	changed := decode[scheduleDocument](r.call(ada, http.MethodPatch, "/v1/schedules/nightly", `{"cron":"30 4 * * *","tags":[],"input":null}`).want(http.StatusOK))
	if changed.Cron != "30 4 * * *" || len(changed.Tags) != 0 || string(changed.Input) != `{"n":1}` || changed.NextAt.Hour() != 19 || changed.Missed != "skip" {
		t.Errorf("changed: %+v", changed)
	}
	changed = decode[scheduleDocument](r.call(ada, http.MethodPatch, "/v1/schedules/nightly", `{"kind":"anything","input":[1],"missed":"run_once","priority":"high"}`).want(http.StatusOK))
	if changed.Kind != "anything" || string(changed.Input) != "[1]" || changed.Missed != "run_once" || changed.Priority != "high" {
		t.Errorf("changed: %+v", changed)
	}
	r.call(ada, http.MethodDelete, "/v1/schedules/nightly", "").want(http.StatusNoContent)
	for method, body := range map[string]string{http.MethodGet: "", http.MethodDelete: "", http.MethodPatch: "{}"} {
		r.call(ada, method, "/v1/schedules/nightly", body).refused(http.StatusNotFound, "not_found", "")
	}
	r.call(ada, http.MethodPost, "/v1/schedules/nightly/pause", "").refused(http.StatusNotFound, "not_found", "")
	r.call(ada, http.MethodPost, "/v1/schedules/nightly/run", "").refused(http.StatusNotFound, "not_found", "")
}

func TestWrongSchedules(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.schedule(ada, `{"name":"taken","cron":"@daily","kind":"report","input":{"n":1}}`)
	for body, want := range map[string]string{
		`{"name":"S"}`:                       "invalid_request /name",
		`{"kind":""}`:                        "invalid_request /kind",
		`{"cron":"0 3 * *"}`:                 "invalid_request /cron",
		`{"cron":"0 0 30 2 *"}`:              "invalid_request /cron",
		`{"cron":""}`:                        "invalid_request /cron",
		`{"timezone":"Mars"}`:                "invalid_request /timezone",
		`{"timezone":"Local"}`:               "invalid_request /timezone",
		`{"missed":"never"}`:                 "invalid_request /missed",
		`{"priority":"urgent"}`:              "invalid_request /priority",
		`{"tags":[""]}`:                      "invalid_request /tags/0",
		`{"owner":"\u0007"}`:                 "invalid_request /owner",
		`{"kind":"reprot"}`:                  "unknown_kind /kind",
		`{"kind":"report"}`:                  "invalid_input /input/n",
		`{"kind":"report","input":{"n":""}}`: "invalid_input /input/n",
		`{"owner":"bob"}`:                    "forbidden /owner",
		`{"name":"taken"}`:                   "name_taken /name",
		`{"every":"5m"}`:                     "invalid_body /every",
	} {
		asked := map[string]json.RawMessage{"name": json.RawMessage(`"s"`), "cron": json.RawMessage(`"@daily"`), "kind": json.RawMessage(`"anything"`)}
		r.ok(json.Unmarshal([]byte(body), &asked))
		text, err := json.Marshal(asked)
		r.ok(err)
		code, pointer, _ := strings.Cut(want, " ")
		status, other := map[string]int{"forbidden": 403, "name_taken": 409, "invalid_body": 400}[code]
		if !other {
			status = http.StatusUnprocessableEntity
		}
		r.call(ada, http.MethodPost, "/v1/schedules", string(text)).refused(status, code, pointer)
		unchangeable := strings.Contains(body, "name") || strings.Contains(body, "owner")
		if !unchangeable && body != `{"kind":"report"}` { // which fits the input that there is
			r.call(ada, http.MethodPatch, "/v1/schedules/taken", body).refused(status, code, pointer)
		}
	}
	r.call(ada, http.MethodPost, "/v1/schedules", `{"cron":"@daily"}`).refused(http.StatusUnprocessableEntity, "invalid_request", "/kind")
}

func TestSchedulePauseResumeRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.schedule(ada, `{"name":"s","cron":"0 3 * * *","kind":"report","input":{"n":7},"tags":["t"],"priority":"high"}`)
	r.fromFile("f")
	for name, key := range map[string]string{"s": ada, "f": root} {
		path := "/v1/schedules/" + name
		paused := decode[scheduleDocument](r.call(key, http.MethodPost, path+"/pause", "").want(http.StatusOK))
		again := decode[scheduleDocument](r.call(key, http.MethodPost, path+"/pause", "").want(http.StatusOK))
		if paused.PausedAt == nil || !paused.PausedAt.Equal(*again.PausedAt) || paused.NextAt != nil || len(paused.Next) != 0 {
			t.Errorf("%s: %+v, then %+v", name, paused, again)
		}
		task := r.call(key, http.MethodPost, path+"/run", "").want(http.StatusAccepted)
		if got := task.task(); got.Owner != paused.Owner || string(got.Metadata) != `{"schedule":"`+name+`"}` || task.header.Get("Location") == "" {
			t.Errorf("%s made %s", name, task.body)
		}
		for range 2 {
			resumed := decode[scheduleDocument](r.call(key, http.MethodPost, path+"/resume", "").want(http.StatusOK))
			if resumed.PausedAt != nil || resumed.NextAt == nil || !resumed.NextAt.Equal(resumed.Next[0]) {
				t.Errorf("%s resumed: %+v", name, resumed)
			}
		}
	}
	if got := r.call(ada, http.MethodPost, "/v1/schedules/s/run", "").want(http.StatusAccepted).task(); string(got.Input) != `{"n":7}` || got.Priority != "high" || got.Tags[0] != "t" {
		t.Errorf("the task is %+v", got)
	}
	r.call(root, http.MethodPost, "/v1/maintenance", `{"enabled":true}`).want(http.StatusOK)
	r.call(ada, http.MethodPost, "/v1/schedules/s/run", "").refused(http.StatusServiceUnavailable, "maintenance", "")
	r.call(ada, http.MethodPost, "/v1/schedules", `{"name":"x","cron":"@daily","kind":"anything"}`).refused(http.StatusServiceUnavailable, "maintenance", "")
}

// What stands in freshet.yaml is changed there.
func TestSchedulesOfTheFile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fromFile("f")
	r.call(root, http.MethodPatch, "/v1/schedules/f", `{"cron":"@daily"}`).refused(http.StatusConflict, "from_file", "")
	r.call(root, http.MethodPatch, "/v1/schedules/f", `{"kind":"unknown"}`).refused(http.StatusConflict, "from_file", "")
	r.call(root, http.MethodDelete, "/v1/schedules/f", "").refused(http.StatusConflict, "from_file", "")
	r.call(root, http.MethodPost, "/v1/schedules", `{"name":"f","cron":"@daily","kind":"anything"}`).refused(http.StatusConflict, "name_taken", "/name")
	if f := decode[scheduleDocument](r.call(root, http.MethodGet, "/v1/schedules/f", "").want(http.StatusOK)); f.Source != "file" || f.Owner != "admin" {
		t.Errorf("schedule %+v", f)
	}
	for _, path := range []string{"/pause", "/resume", "/run"} {
		r.call(ada, http.MethodPost, "/v1/schedules/f"+path, "").refused(http.StatusForbidden, "forbidden", "")
	}
}

func TestWhoseSchedules(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	app := r.key(`{"name":"app","actAsOwner":true}`)
	reader := r.key(`{"name":"reader","owner":"ada","scopes":["read"]}`)
	r.schedule(ada, `{"name":"adas","cron":"@daily","kind":"anything"}`)
	r.schedule(bob, `{"name":"bobs","cron":"@daily","kind":"anything"}`)
	r.schedule(app, `{"name":"users","cron":"@daily","kind":"anything","owner":"user-17"}`)
	r.schedule(root, `{"name":"adas-too","cron":"@daily","kind":"anything","owner":"ada"}`)
	for _, c := range []struct{ key, query, want string }{
		{ada, "", "adas adas-too"}, {bob, "", "bobs"}, {app, "", ""}, {app, "?owner=user-17", "users"}, {reader, "", "adas adas-too"},
		{root, "", "adas adas-too bobs users"}, {root, "?owner=bob", "bobs"},
	} {
		var names []string
		for _, s := range decode[struct{ Items []scheduleDocument }](r.call(c.key, http.MethodGet, "/v1/schedules"+c.query, "").want(http.StatusOK)).Items {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s lists %q with %q, want %q", c.key, got, c.query, c.want)
		}
	}
	r.call(reader, http.MethodGet, "/v1/schedules/adas", "").want(http.StatusOK)
	for _, path := range []string{"/pause", "/resume", "/run"} {
		r.call(reader, http.MethodPost, "/v1/schedules/adas"+path, "").refused(http.StatusForbidden, "forbidden", "")
		r.call(root, http.MethodPost, "/v1/schedules/adas"+path, "")
	}
	r.call(reader, http.MethodDelete, "/v1/schedules/adas", "").refused(http.StatusForbidden, "forbidden", "")
	task := r.call(app, http.MethodPost, "/v1/schedules/users/run", "").want(http.StatusAccepted).task()
	if task.Owner != "user-17" {
		t.Errorf("the task belongs to %s", task.Owner)
	}
	r.call(root, http.MethodDelete, "/v1/schedules/bobs", "").want(http.StatusNoContent)
}
