package postgres_test

import (
	"testing"
	"time"

	"freshet/jobs"
)

func (b *bench) stirs(what string, want bool) {
	b.t.Helper()
	stirring, err := b.Stirring(b.t.Context())
	b.ok(err)
	if stirring != want {
		b.t.Errorf("%s: stirring %t", what, stirring)
	}
}

func TestWhatStirs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stirs("nothing", false)
	task := b.submit()
	b.stirs("a queued attempt", true)
	worker := b.worker("work")
	claim := b.claim(task, worker)
	b.stirs("one that runs", true)
	b.ok(b.End(t.Context(), completed(claim, `{}`)))
	b.stirs("a worker without work", true)
	b.ok(b.RemoveWorker(t.Context(), worker))
	b.stirs("nothing left", false)
	later := b.submit(func(s *jobs.Submission) { s.ScheduledAt = new(time.Now().Add(time.Hour)) })
	b.stirs("a task for later", false)
	b.makeDue(later)
	b.stirs("it is due", true)
	b.exec(`UPDATE freshet.attempts SET due_at = clock_timestamp() + interval '1 hour', hold = 'kind_limit'`)
	b.stirs("one that is held by a limit", true)
	b.exec(`UPDATE freshet.attempts SET hold = 'scheduled'`)

	b.managed(func(f *jobs.PoolFleet) { f.Min = 1 })
	b.provision(time.Minute)
	b.stirs("a unit that is to be started", true)
	b.exec(`UPDATE freshet.fleet_units SET state = 'ended', ended_at = clock_timestamp()`)
	b.stirs("one that has ended", false)
	b.exec(`INSERT INTO freshet.deliveries (id, owner, target, message, type, state, due_at, at, sending_until)
		VALUES (gen_random_uuid(), 'ada', 'x', 'm', 'task.completed', 'pending', clock_timestamp() + interval '1 minute',
		clock_timestamp(), clock_timestamp() + interval '1 minute')`)
	b.stirs("a delivery that is being sent", true)
}

// removal is how many whole days it is until something may be removed.
func (b *bench) removal(kept jobs.Retention, acts time.Duration) int {
	b.t.Helper()
	next, some, err := b.NextRemoval(b.t.Context(), kept, acts)
	b.ok(err)
	if !some {
		return -1
	}
	return int(next.Round(time.Hour) / day)
}

func TestNextRemoval(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	always := jobs.Retention{}
	if days := b.removal(always, day); days != -1 {
		t.Errorf("with nothing there, a removal in %d days", days)
	}
	b.aged(5)
	for _, c := range []struct {
		kept jobs.Retention
		want int
	}{
		{always, -1},
		{jobs.Retention{Tasks: 30 * day}, 25},
		{jobs.Retention{Artifacts: 10 * day}, 5},
		{jobs.Retention{Tasks: 30 * day, Artifacts: 7 * day}, 2},
	} {
		if days := b.removal(c.kept, 365*day); days != c.want {
			t.Errorf("with %+v a removal in %d days, want %d", c.kept, days, c.want)
		}
	}
	// Output goes by the day: that of the task is over 14 days after its end at midnight.
	if days := b.removal(jobs.Retention{Logs: 14 * day}, 0); days != 9 && days != 10 {
		t.Errorf("output is removed in %d days", days)
	}
	b.ok(b.SaveLoginLink(t.Context(), jobs.Session{Hash: [32]byte{1}, ExpiresAt: time.Now().Add(3*day + time.Hour)}))
	if days := b.removal(always, 0); days != 3 {
		t.Errorf("a link is removed in %d days", days)
	}
	b.ok(b.SaveKey(t.Context(), jobs.Key{Name: "k", Owner: "ada", Secrets: []jobs.KeySecret{{Hash: [32]byte{2}}}}))
	b.ok(b.RotateKey(t.Context(), "k", jobs.KeySecret{Hash: [32]byte{3}}, 2*day+time.Hour,
		func(before jobs.Signing, _ time.Time) (jobs.Signing, error) { return before, nil }))
	if days := b.removal(always, 0); days != 2 {
		t.Errorf("the secret of a key is removed in %d days", days)
	}
	b.exec(`UPDATE freshet.key_secrets SET expires_at = clock_timestamp() WHERE expires_at IS NOT NULL`)
	b.ok(b.ForgetExpired(t.Context()))
	if n := b.count(`SELECT count(*) FROM freshet.key_secrets`); n != 1 {
		t.Errorf("%d secrets are left", n)
	}
}
