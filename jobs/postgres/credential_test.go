package postgres_test

import (
	"errors"
	"testing"
	"time"

	"freshet/jobs"
)

// While a credential is held, no task of a kind that uses it starts: neither one that is new, nor one that is
// queued; others do. When it is released, or its time is up, all go on.
func TestCredentialHold(t *testing.T) {
	t.Parallel()
	for name, concurrency := range map[string]jobs.Concurrency{"unlimited": {}, "limited": {Total: 5}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			retry := jobs.Retry{MaxAttempts: 3}
			b.ok(b.SyncKinds(t.Context(), []jobs.Kind{
				{Name: "work", Pool: "default", Retry: retry, Credential: "anthropic", Concurrency: concurrency},
				{Name: "other", Pool: "default", Retry: retry},
			}))
			worker := b.worker("work", "other")
			queued := b.submit()
			b.admit()
			b.ok(b.HoldCredential(t.Context(), jobs.CredentialHold{Name: "anthropic", Reason: "rate limit"}))
			candidate, found := b.candidate(queued)
			if !found {
				t.Fatal("it was not queued")
			}
			if _, refusal, err := b.Claim(t.Context(), worker, candidate); err != nil || refusal != jobs.ClaimHeld {
				t.Errorf("claim of what was queued: %q, %v", refusal, err)
			}
			held, other := b.submit(), b.submit(func(s *jobs.Submission) { s.Kind = "other" })
			_, err := b.Admit(t.Context(), 100)
			b.ok(err)
			if got := b.admit(queued, held, other); len(got) != 1 || got[0] != other {
				t.Errorf("admitted while it is held: %v", got)
			}
			if got := b.waits(held); got != jobs.WaitCredential {
				t.Errorf("it waits: %s", got)
			}
			soon := time.Now().Add(time.Hour)
			b.ok(b.HoldCredential(t.Context(), jobs.CredentialHold{Name: "anthropic", Until: &soon}))
			holds, err := b.CredentialHolds(t.Context())
			b.ok(err)
			if len(holds) != 1 || holds[0].Until != nil || holds[0].Reason != "rate limit" {
				t.Errorf("a shorter hold replaced the longer one: %+v", holds)
			}
			b.ok(b.ReleaseCredential(t.Context(), "anthropic"))
			if err := b.ReleaseCredential(t.Context(), "anthropic"); !errors.Is(err, jobs.ErrNotFound) {
				t.Errorf("released twice: %v", err)
			}
			_, err = b.Admit(t.Context(), 100)
			b.ok(err)
			if got := b.admit(queued, held); len(got) != 2 {
				t.Errorf("admitted after its release: %v", got)
			}
		})
	}
}

func TestCredentialHoldEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.SyncKinds(t.Context(), []jobs.Kind{{Name: "work", Pool: "default", Credential: "anthropic"}}))
	soon := time.Now().Add(300 * time.Millisecond)
	b.ok(b.HoldCredential(t.Context(), jobs.CredentialHold{Name: "anthropic", Until: &soon}))
	task := b.submit()
	if wait := b.task(task).Wait; wait == nil || wait.Reason != jobs.WaitCredential || wait.Until == nil {
		t.Errorf("it waits: %+v", wait)
	}
	if due, waits, err := b.NextDue(t.Context()); err != nil || !waits || due > time.Second {
		t.Errorf("next due in %s, %t, %v", due, waits, err)
	}
	for n := 0; n == 0; {
		var err error
		n, err = b.Admit(t.Context(), 100)
		b.ok(err)
		if time.Now().Before(soon.Add(-50*time.Millisecond)) && n > 0 {
			t.Error("admitted before the time was up")
		}
	}
}
