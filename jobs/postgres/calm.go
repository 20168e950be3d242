package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// Stirring tells whether something is going on: an attempt that waits for anything but its time, or runs; a worker
// that lives; a unit that has not ended; a delivery that is being sent.
func (s *Store) Stirring(ctx context.Context) (bool, error) {
	var stirring bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM freshet.attempts WHERE state <> 'ended'
			AND NOT (state = 'held' AND hold IN ('scheduled', 'backoff') AND due_at > clock_timestamp()))
		OR EXISTS (SELECT FROM freshet.workers WHERE died_at IS NULL)
		OR EXISTS (SELECT FROM freshet.fleet_units WHERE state <> 'ended')
		OR EXISTS (SELECT FROM freshet.deliveries WHERE state = 'pending' AND sending_until > clock_timestamp())`).Scan(&stirring)
	if err != nil {
		return false, fmt.Errorf("look whether anything goes on: %w", err)
	}
	return stirring, nil
}

// NextRemoval is how long it is until something may be too old to be kept, false when nothing ever is. It is not
// late: what is kept from the end of a task on is reckoned from its beginning here.
func (s *Store) NextRemoval(ctx context.Context, kept jobs.Retention, acts time.Duration) (time.Duration, bool, error) {
	var task, artifacts, act *uuid.UUID
	var day *string
	var delivered, expires *time.Time
	var now time.Time
	err := s.pool.QueryRow(ctx, `SELECT (SELECT id FROM freshet.tasks ORDER BY id LIMIT 1),
		(SELECT task_id FROM freshet.artifacts ORDER BY task_id LIMIT 1),
		(SELECT id FROM freshet.audit_log ORDER BY id LIMIT 1),
		(SELECT min(right(c.relname, 8)) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'freshet.task_logs'::regclass AND c.relname ~ '_[0-9]{8}$'),
		(SELECT ended_at FROM freshet.deliveries WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT 1),
		least((SELECT min(expires_at) FROM freshet.sessions), (SELECT min(expires_at) FROM freshet.login_links),
			(SELECT min(expires_at) FROM freshet.key_secrets)),
		clock_timestamp()`).Scan(&task, &artifacts, &act, &day, &delivered, &expires, &now)
	if err != nil {
		return 0, false, fmt.Errorf("next removal: %w", err)
	}
	var next time.Time
	earlier := func(at time.Time, after time.Duration) {
		if at = at.Add(after); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, aging := range []struct {
		oldest *uuid.UUID
		kept   time.Duration
	}{{task, kept.Tasks}, {artifacts, kept.Artifacts}, {act, acts}} {
		if aging.oldest != nil && aging.kept > 0 {
			earlier(firstTime(*aging.oldest), aging.kept)
		}
	}
	if delivered != nil && kept.Tasks > 0 {
		earlier(*delivered, kept.Tasks)
	}
	if expires != nil {
		earlier(*expires, 0)
	}
	if day != nil && kept.Logs > 0 {
		began, err := time.Parse("20060102", *day)
		if err != nil {
			return 0, false, fmt.Errorf("next removal: %w", err)
		}
		earlier(began.AddDate(0, 0, 1), kept.Logs)
	}
	return next.Sub(now), !next.IsZero(), nil
}
