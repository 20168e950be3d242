package postgres_test

import (
	"testing"

	"freshet/jobs"
)

func TestMaintenanceStartsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	running, waiting := b.submit(), b.submit()
	claim := b.claim(running, worker)
	b.ok(b.Maintain(t.Context(), true, "back at nine"))
	settings, err := b.Settings(t.Context())
	b.ok(err)
	if settings.Maintenance == nil || settings.Maintenance.Message != "back at nine" || settings.Maintenance.Since.IsZero() {
		t.Errorf("settings %+v", settings)
	}
	since := settings.Maintenance.Since
	b.ok(b.Maintain(t.Context(), true, "")) // again
	if settings, err = b.Settings(t.Context()); err != nil || !settings.Maintenance.Since.Equal(since) || settings.Maintenance.Message != "" {
		t.Errorf("settings %+v, %v", settings.Maintenance, err)
	}
	candidate, _ := b.candidate(waiting)
	if _, refusal, err := b.Claim(t.Context(), worker, candidate); err != nil || refusal != jobs.ClaimHeld {
		t.Errorf("a claim is answered %q, %v", refusal, err)
	}
	if task := b.task(waiting); task.State != jobs.Pending || task.Wait.Reason != jobs.WaitPaused {
		t.Errorf("task %+v, wait %+v", task, task.Wait)
	}
	if admitted, err := b.Admit(t.Context(), 10); err != nil || admitted != 0 {
		t.Errorf("%d attempts were admitted: %v", admitted, err)
	}
	b.ok(b.End(t.Context(), completed(claim, `{}`))) // what runs goes on
	b.ok(b.Maintain(t.Context(), false, ""))
	if admitted, err := b.Admit(t.Context(), 10); err != nil || admitted != 1 {
		t.Errorf("%d attempts were admitted: %v", admitted, err)
	}
	b.ok(b.End(t.Context(), completed(b.claim(waiting, worker), `{}`)))
	b.dense(t.Context())
}

func TestReloadIsCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for want := range int64(3) {
		settings, err := b.Settings(t.Context())
		b.ok(err)
		if settings.Reload != want || settings.Maintenance != nil {
			t.Errorf("settings %+v, want %d", settings, want)
		}
		b.ok(b.AskReload(t.Context()))
	}
}

func TestKindsOfAWorkerChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("other")
	id := b.submit()
	candidate, _ := b.candidate(id)
	if _, refusal, err := b.Claim(t.Context(), worker, candidate); err != nil || refusal != jobs.ClaimHeld {
		t.Fatalf("a worker without the kind is answered %q, %v", refusal, err)
	}
	b.ok(b.SetWorkerKinds(t.Context(), worker, []string{"work"}))
	if admitted, err := b.Admit(t.Context(), 10); err != nil || admitted != 1 {
		t.Fatalf("%d attempts were admitted: %v", admitted, err)
	}
	b.claim(id, worker)
}
