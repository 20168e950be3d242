package api_test

import (
	"net/http"
	"testing"

	"freshet/jobs"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	waiting := r.submit(`{"kind":"report","input":{"n":1}}`)
	for range 2 {
		a := r.call(ada, http.MethodPost, "/v1/tasks/"+waiting.ID+"/cancel", "").want(http.StatusOK).task()
		if a.State != "cancelled" || a.CancelRequestedAt == nil || a.CompletedAt == nil {
			t.Errorf("waiting task %+v", a)
		}
	}
	running := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(running.ID)
	asked := r.call(ada, http.MethodPost, "/v1/tasks/"+running.ID+"/cancel", "").want(http.StatusOK).task()
	if asked.State != "running" || asked.CancelRequestedAt == nil {
		t.Errorf("running task %+v", asked)
	}
	r.complete(claim, `{}`) // it came first
	r.call(ada, http.MethodPost, "/v1/tasks/"+running.ID+"/cancel", "").refused(http.StatusConflict, "task_ended", "")
}

func TestRetry(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	path := "/v1/tasks/" + task.ID + "/retry"
	r.call(ada, http.MethodPost, path, "").refused(http.StatusConflict, "not_ended", "")
	r.fail(r.claim(task.ID))
	failed := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").task()
	if failed.State != "failed" || failed.Error == nil || failed.Error.LogTail != "oops\n" {
		t.Errorf("failed task %+v", failed)
	}
	again := r.call(ada, http.MethodPost, path, "").want(http.StatusOK).task()
	if again.ID != task.ID || again.State != "pending" || again.Run != 2 || again.Attempt != 2 || again.Tries != 0 || again.Error != nil {
		t.Errorf("retried task %+v", again)
	}
	r.call(ada, http.MethodPost, path, "").refused(http.StatusConflict, "not_ended", "")
}

func TestRetryAsksTheNewestKind(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	r.fail(r.claim(task.ID))
	stricter := rigKinds()
	stricter[0].Input = []byte(`{"type":"object","properties":{"n":{"minimum":10}}}`)
	r.ok(r.store.SyncKinds(t.Context(), stricter))
	r.ok(r.server.Reload(t.Context()))
	for _, action := range []string{"/retry", "/rerun"} {
		r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+action, "").refused(http.StatusUnprocessableEntity, "invalid_input", "/input/n")
	}
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/rerun", `{"input":{"n":11}}`).want(http.StatusAccepted)
	r.ok(r.store.SyncKinds(t.Context(), stricter[1:]))
	r.ok(r.server.Reload(t.Context()))
	for _, action := range []string{"/retry", "/rerun"} {
		r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+action, "").refused(http.StatusUnprocessableEntity, "unknown_kind", "/kind")
	}
}

func TestRerun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1},"tags":["x"],"metadata":{"a":1},"priority":"low","timeout":"5m","idempotencyKey":"k"}`)
	for body, input := range map[string]string{"": `{"n":1}`, `{}`: `{"n":1}`, `{"input":null}`: `{"n":1}`, `{"input":{"n":2}}`: `{"n":2}`} {
		a := r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/rerun", body).want(http.StatusAccepted)
		rerun := a.task()
		if rerun.ID == task.ID || rerun.RerunOf == nil || *rerun.RerunOf != task.ID || string(rerun.Input) != input {
			t.Errorf("%q: %+v", body, rerun)
		}
		if rerun.Priority != "low" || len(rerun.Tags) != 1 || string(rerun.Metadata) != `{"a":1}` || rerun.Owner != "ada" {
			t.Errorf("%q does not resemble its task: %+v", body, rerun)
		}
		stored, err := r.store.Task(t.Context(), a.uuid())
		r.ok(err)
		if stored.RerunOf.String() != task.ID || stored.Timeout.Minutes() != 5 {
			t.Errorf("stored %+v", stored)
		}
	}
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/rerun", `{"input":{"n":"x"}}`).refused(http.StatusUnprocessableEntity, "invalid_input", "/input/n")
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/rerun", `{"kind":"anything"}`).refused(http.StatusBadRequest, "invalid_body", "/kind")
	if rerun := r.call(root, http.MethodPost, "/v1/tasks/"+task.ID+"/rerun", "").want(http.StatusAccepted).task(); rerun.Owner != "ada" {
		t.Errorf("an admin's rerun belongs to %s", rerun.Owner)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	path := "/v1/tasks/" + task.ID
	r.call(ada, http.MethodDelete, path, "").refused(http.StatusConflict, "not_ended", "")
	r.call(ada, http.MethodPost, path+"/cancel", "").want(http.StatusOK)
	if a := r.call(ada, http.MethodDelete, path, "").want(http.StatusNoContent); a.body != "" {
		t.Errorf("body %q", a.body)
	}
	r.call(ada, http.MethodDelete, path, "").refused(http.StatusNotFound, "not_found", "")
	r.call(ada, http.MethodGet, path, "").refused(http.StatusNotFound, "not_found", "")
}

func TestFleet(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	claim := r.claim(r.submit(`{"kind":"report","input":{"n":1}}`).ID)
	r.submit(`{"kind":"report","input":{"n":1}}`)
	type pool struct {
		Name, Provider                  string
		Slots, Workers, Queued, Running int
		PausedAt                        *string
	}
	pools := decode[struct{ Items []pool }](r.call(root, http.MethodGet, "/v1/pools", "").want(http.StatusOK)).Items
	if len(pools) != 1 || pools[0] != (pool{"default", "process", 4, 1, 1, 1, nil}) {
		t.Errorf("pools %+v", pools)
	}
	if p := decode[pool](r.call(root, http.MethodPost, "/v1/pools/default/pause", "").want(http.StatusOK)); p.PausedAt == nil {
		t.Errorf("paused pool %+v", p)
	}
	if p := decode[pool](r.call(root, http.MethodPost, "/v1/pools/default/resume", "").want(http.StatusOK)); p.PausedAt != nil {
		t.Errorf("resumed pool %+v", p)
	}
	workers := decode[struct {
		Items []struct {
			ID, Pool string
			Kinds    []string
			Running  int
		}
	}](r.call(root, http.MethodGet, "/v1/workers", "").want(http.StatusOK)).Items
	if len(workers) != 1 || workers[0].ID != claim.WorkerID.String() || workers[0].Running != 1 || len(workers[0].Kinds) != 2 {
		t.Errorf("workers %+v", workers)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	type kind struct {
		Name, Description, Pool string
		Input                   map[string]any
		PausedAt                *string
	}
	kinds := decode[struct{ Items []kind }](r.call(ada, http.MethodGet, "/v1/kinds", "").want(http.StatusOK)).Items
	if len(kinds) != 3 || kinds[0].Name != "anything" || kinds[0].Input != nil {
		t.Errorf("kinds %+v", kinds)
	}
	one := decode[kind](r.call(ada, http.MethodGet, "/v1/kinds/report", "").want(http.StatusOK))
	if one.Description != "Makes a report" || one.Pool != "default" || one.Input["type"] != "object" || one.PausedAt != nil {
		t.Errorf("kind %+v", one)
	}
	for range 2 { // a second time changes nothing
		if paused := decode[kind](r.call(root, http.MethodPost, "/v1/kinds/report/pause", "").want(http.StatusOK)); paused.PausedAt == nil {
			t.Errorf("paused kind %+v", paused)
		}
	}
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	if shown := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").task(); shown.Wait.Reason != jobs.WaitPaused {
		t.Errorf("wait %+v", shown.Wait)
	}
}
