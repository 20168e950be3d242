package postgres

import (
	"context"
	"fmt"
	"time"

	"freshet/jobs"
)

// countSQL counts a try from an address, and of an account unless the address has had its tries already:
// so one address cannot fill the table. A count begins anew when its span has ended. $5 is the span.
const countSQL = `
WITH clock AS MATERIALIZED (
	SELECT clock_timestamp() AS now, clock_timestamp() + $5::bigint * interval '1 millisecond' AS later
), address AS (
	INSERT INTO freshet.rate_counters AS c (key, count, ends_at) SELECT $1, 1, later FROM clock
	ON CONFLICT (key) DO UPDATE SET
		count = CASE WHEN c.ends_at <= (SELECT now FROM clock) THEN 1 ELSE least(c.count, $3) + 1 END,
		ends_at = CASE WHEN c.ends_at <= (SELECT now FROM clock) THEN excluded.ends_at ELSE c.ends_at END
	RETURNING count, ends_at
), account AS (
	INSERT INTO freshet.rate_counters AS c (key, count, ends_at) SELECT $2, 1, later FROM clock, address WHERE address.count <= $3
	ON CONFLICT (key) DO UPDATE SET
		count = CASE WHEN c.ends_at <= (SELECT now FROM clock) THEN 1 ELSE least(c.count, $4) + 1 END,
		ends_at = CASE WHEN c.ends_at <= (SELECT now FROM clock) THEN excluded.ends_at ELSE c.ends_at END
	RETURNING count, ends_at
)
SELECT coalesce(ceil(1000 * extract(epoch FROM max(ends_at) - (SELECT now FROM clock))), 0)::bigint FROM (
	SELECT ends_at FROM address WHERE count > $3 UNION ALL SELECT ends_at FROM account WHERE count > $4
) full_ones`

// CountLogin counts a try to sign in before it is known how it ends, so that no number of them at once gets
// past the limits. It tells how long the next one must wait; zero: this one may go on.
func (s *Store) CountLogin(ctx context.Context, login jobs.Login, limits jobs.LoginLimits) (wait time.Duration, err error) {
	var milliseconds int64
	err = s.pool.QueryRow(ctx, countSQL, login.Address[:], login.Account[:], limits.Address, limits.Account, limits.Span.Milliseconds()).
		Scan(&milliseconds)
	if err != nil {
		return 0, fmt.Errorf("count login: %w", err)
	}
	return time.Duration(milliseconds) * time.Millisecond, nil
}

// ForgetExpired removes sessions, login links, secrets of keys and counts that have expired.
func (s *Store) ForgetExpired(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `WITH session AS (DELETE FROM freshet.sessions WHERE expires_at <= clock_timestamp()),
		link AS (DELETE FROM freshet.login_links WHERE expires_at <= clock_timestamp()),
		secret AS (DELETE FROM freshet.key_secrets WHERE expires_at <= clock_timestamp())
		DELETE FROM freshet.rate_counters WHERE ends_at <= clock_timestamp()`)
	if err != nil {
		return fmt.Errorf("forget what has expired: %w", err)
	}
	return nil
}
