package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// blocked tells whether the credential of the kind k must not be used now.
const blocked = `EXISTS (SELECT FROM freshet.credentials c
	WHERE c.name = k.credential AND (c.held_until IS NULL OR c.held_until > clock_timestamp()))`

// HoldCredential keeps tasks of the kinds that use a credential from starting, from now on and until the
// time that hold gives. A hold that is there already is replaced, unless it lasts longer.
func (s *Store) HoldCredential(ctx context.Context, hold jobs.CredentialHold) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO freshet.credentials AS c (name, held_at, held_until, reason)
		VALUES ($1, clock_timestamp(), $2, $3)
		ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until, reason = excluded.reason,
			held_at = CASE WHEN c.held_until <= clock_timestamp() THEN excluded.held_at ELSE c.held_at END
		WHERE c.held_until < coalesce(excluded.held_until, 'infinity')`, hold.Name, hold.Until, hold.Reason)
	if err != nil {
		return fmt.Errorf("hold credential %s: %w", hold.Name, err)
	}
	s.notifier.control()
	return nil
}

// ReleaseCredential lets tasks start again. Errors: jobs.ErrNotFound, when it is not held.
func (s *Store) ReleaseCredential(ctx context.Context, name string) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM freshet.credentials WHERE name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("release credential %s: %w", name, err)
	}
	s.notifier.control()
	return nil
}

// CredentialHolds lists the credentials that must not be used now, by name.
func (s *Store) CredentialHolds(ctx context.Context) ([]jobs.CredentialHold, error) {
	rows, err := s.pool.Query(ctx, `SELECT name, held_at, held_until, reason FROM freshet.credentials
		WHERE held_until IS NULL OR held_until > clock_timestamp() ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list credential holds: %w", err)
	}
	holds, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.CredentialHold, error) {
		var hold jobs.CredentialHold
		err := row.Scan(&hold.Name, &hold.Since, &hold.Until, &hold.Reason)
		return hold, err
	})
	if err != nil {
		return nil, fmt.Errorf("list credential holds: %w", err)
	}
	return holds, nil
}
