package postgres

import (
	"context"
	"fmt"

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
// and ExpiresAt count. Errors: jobs.ErrNotFound.
func (s *Store) Login(ctx context.Context, link [32]byte, session jobs.Session) error {
	tag, err := s.pool.Exec(ctx, `WITH used AS (DELETE FROM freshet.login_links WHERE hash = $1 RETURNING owner, admin, expires_at)
		INSERT INTO freshet.sessions (hash, owner, admin, expires_at)
		SELECT $2, owner, admin, $3 FROM used WHERE expires_at > clock_timestamp()`,
		link[:], session.Hash[:], session.ExpiresAt)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// signInSQL takes the user's row first, so that a change of the user comes before it or after it. The
// try was counted as a failure; now it is none.
const signInSQL = `
WITH known AS (
	UPDATE freshet.users SET last_login_at = clock_timestamp()
	WHERE name = $1 AND password = $2 AND disabled_at IS NULL
	RETURNING name, admin, generation
), address AS (
	UPDATE freshet.rate_counters SET count = count - 1 WHERE key = $5 AND count > 0 AND EXISTS (SELECT FROM known) RETURNING key
), account AS (
	DELETE FROM freshet.rate_counters WHERE key = $6 AND EXISTS (SELECT FROM known) AND (SELECT count(*) FROM address) >= 0
)
INSERT INTO freshet.sessions (hash, owner, admin, user_name, generation, expires_at)
SELECT $3, name, admin, name, generation, $4 FROM known RETURNING admin`

// SignIn opens a session for a user whose password was found to be that of the hash; of the session only
// Hash and ExpiresAt count. It tells whether the user is an admin. Errors: jobs.ErrNotFound, also when the
// user has been changed since.
func (s *Store) SignIn(ctx context.Context, name, password string, session jobs.Session, login jobs.Login) (admin bool, err error) {
	err = s.pool.QueryRow(ctx, signInSQL, name, password, session.Hash[:], session.ExpiresAt, login.Address[:], login.Account[:]).Scan(&admin)
	if err = noRows(err); err != nil {
		return false, fmt.Errorf("sign in: %w", err)
	}
	return admin, nil
}

// goodSessions are the sessions that let somebody in now: one of a user ends when the user is changed.
const goodSessions = `FROM freshet.sessions s LEFT JOIN freshet.users u ON u.name = s.user_name
	WHERE s.expires_at > clock_timestamp() AND (s.user_name IS NULL OR s.generation = u.generation)`

// Session finds out who a session belongs to. Errors: jobs.ErrNotFound.
func (s *Store) Session(ctx context.Context, hash [32]byte) (jobs.Identity, error) {
	identity := jobs.Identity{Key: "session"}
	err := s.pool.QueryRow(ctx, `SELECT s.owner, s.admin, s.expires_at `+goodSessions+` AND s.hash = $1`, hash[:]).
		Scan(&identity.Owner, &identity.Admin, &identity.Until)
	if err = noRows(err); err != nil {
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
