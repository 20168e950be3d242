package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// SaveLoginLink stores a link that signs a browser in, once.
func (s *Store) SaveLoginLink(ctx context.Context, link jobs.Session) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO freshet.login_links (hash, owner, admin, expires_at) VALUES ($1, $2, $3, $4)`,
		link.Hash[:], link.Owner, link.Admin, link.ExpiresAt)
	if err != nil {
		return fmt.Errorf("save login link: %w", err)
	}
	return nil
}

// Login uses up a login link, and opens a session for whom the link was made; of the session only Hash
// and ExpiresAt count. It also forgets what has expired. Errors: jobs.ErrNotFound.
func (s *Store) Login(ctx context.Context, link [32]byte, session jobs.Session) error {
	tag, err := s.pool.Exec(ctx, `WITH used AS (DELETE FROM freshet.login_links WHERE hash = $1 OR expires_at <= clock_timestamp()
			RETURNING hash, owner, admin, expires_at),
		expired AS (DELETE FROM freshet.sessions WHERE expires_at <= clock_timestamp())
		INSERT INTO freshet.sessions (hash, owner, admin, expires_at)
		SELECT $2, owner, admin, $3 FROM used WHERE hash = $1 AND expires_at > clock_timestamp()`,
		link[:], session.Hash[:], session.ExpiresAt)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// Session finds out who a browser's session belongs to. Errors: jobs.ErrNotFound.
func (s *Store) Session(ctx context.Context, hash [32]byte) (jobs.Identity, error) {
	identity := jobs.Identity{Key: "session"}
	err := s.pool.QueryRow(ctx, `SELECT owner, admin, expires_at FROM freshet.sessions
		WHERE hash = $1 AND expires_at > clock_timestamp()`, hash[:]).Scan(&identity.Owner, &identity.Admin, &identity.Until)
	if errors.Is(err, pgx.ErrNoRows) {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return jobs.Identity{}, fmt.Errorf("session: %w", err)
	}
	return identity, nil
}

// Logout ends a session.
func (s *Store) Logout(ctx context.Context, hash [32]byte) error {
	if _, err := s.pool.Exec(ctx, `DELETE FROM freshet.sessions WHERE hash = $1`, hash[:]); err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}
