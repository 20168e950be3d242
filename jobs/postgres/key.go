package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// SaveKey stores an API key, or replaces the one of the same name.
func (s *Store) SaveKey(ctx context.Context, key jobs.Key) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO freshet.api_keys (name, hash, owner, admin) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, owner = excluded.owner, admin = excluded.admin`,
		key.Name, key.Hash[:], key.Owner, key.Admin)
	if err != nil {
		return fmt.Errorf("save key %s: %w", key.Name, err)
	}
	return nil
}

// Identify finds whose key has the given SHA-256. Errors: jobs.ErrNotFound.
func (s *Store) Identify(ctx context.Context, hash [32]byte) (jobs.Identity, error) {
	var identity jobs.Identity
	err := s.pool.QueryRow(ctx, `SELECT name, owner, admin FROM freshet.api_keys WHERE hash = $1`, hash[:]).
		Scan(&identity.Key, &identity.Owner, &identity.Admin)
	if errors.Is(err, pgx.ErrNoRows) {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return jobs.Identity{}, fmt.Errorf("identify: %w", err)
	}
	return identity, nil
}

// Secret reads the wrapped secret of a purpose. The first one offered for it is kept: whoever comes
// later gets that one instead of its own.
func (s *Store) Secret(ctx context.Context, purpose string, offered []byte) ([]byte, error) {
	var wrapped []byte
	err := s.pool.QueryRow(ctx, `INSERT INTO freshet.secrets (purpose, wrapped) VALUES ($1, $2)
		ON CONFLICT (purpose) DO UPDATE SET purpose = excluded.purpose RETURNING wrapped`, purpose, offered).Scan(&wrapped)
	if err != nil {
		return nil, fmt.Errorf("secret for %s: %w", purpose, err)
	}
	return wrapped, nil
}
