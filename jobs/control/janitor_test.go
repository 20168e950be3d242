package control_test

import (
	"log/slog"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/control"
)

// TestWhatIsOldGoes has each kind of thing that is kept for a time be older than that, and younger. What
// has not ended stays, however old; and a retention of zero keeps all.
func TestWhatIsOldGoes(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.endpoint("/")
	p.submit(2)
	_, stop := p.courier()
	p.until("both are delivered", func() bool { return p.count(`SELECT count(*) FROM freshet.deliveries WHERE ended_at IS NOT NULL`) == 2 })
	stop()
	p.submit(1) // whose delivery nobody sends
	p.run(`UPDATE freshet.deliveries SET ended_at = ended_at - interval '31 days' WHERE id = (SELECT min(id::text)::uuid FROM freshet.deliveries)`)
	p.run(`UPDATE freshet.deliveries SET at = at - interval '31 days' WHERE ended_at IS NULL`)
	clean := func(kept jobs.Retention, deliveries int) {
		t.Helper()
		p.ok(control.NewJanitor(p.Store, slog.New(slog.DiscardHandler), func() jobs.Retention { return kept }).Clean(t.Context()))
		if left := p.count(`SELECT count(*) FROM freshet.deliveries`); left != deliveries {
			t.Errorf("with %+v, %d deliveries are left, not %d", kept, left, deliveries)
		}
		if tasks := p.count(`SELECT count(*) FROM freshet.tasks`); tasks != 3 {
			t.Errorf("with %+v, %d tasks are left", kept, tasks)
		}
	}
	const days = 24 * time.Hour
	clean(jobs.Retention{}, 3)
	clean(jobs.Retention{Tasks: 30 * days, Logs: 14 * days, Artifacts: 30 * days}, 2)
	p.run(`DELETE FROM freshet.endpoints`)     // while an event was told to it
	clean(jobs.Retention{Tasks: 30 * days}, 1) // the one that was sent; there is nowhere to send the other
	if rows := p.count(`SELECT count(*) FROM freshet.delivery_tries y WHERE NOT EXISTS (SELECT FROM freshet.deliveries d WHERE d.id = y.delivery_id)`); rows != 0 {
		t.Errorf("%d tries of deliveries that are gone", rows)
	}
}

func (p *post) run(sql string) {
	p.t.Helper()
	_, err := p.Pool().Exec(p.t.Context(), sql)
	p.ok(err)
}

func (p *post) count(sql string) (n int) {
	p.t.Helper()
	p.ok(p.Pool().QueryRow(p.t.Context(), sql).Scan(&n))
	return n
}
