package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

const insertKey = `INSERT INTO freshet.api_keys (name, owner, admin, act_as_owner, scopes, signing) VALUES ($1, $2, $3, $4, $5, $8)`

// SaveKey stores an API key with its one secret, or replaces the key of the same name and all its secrets.
func (s *Store) SaveKey(ctx context.Context, key jobs.Key) error {
	secret := key.Secrets[0]
	_, err := s.pool.Exec(ctx, `WITH key AS (`+insertKey+`
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, admin = excluded.admin,
				act_as_owner = excluded.act_as_owner, scopes = excluded.scopes, signing = excluded.signing
			RETURNING name
		), old AS (
			DELETE FROM freshet.key_secrets WHERE key = $1 AND hash <> $6
		)
		INSERT INTO freshet.key_secrets (hash, key, prefix) SELECT $6, name, $7 FROM key
		ON CONFLICT (hash) DO UPDATE SET key = excluded.key, prefix = excluded.prefix, expires_at = NULL`,
		key.Name, key.Owner, key.Admin, key.ActAsOwner, scopes(key.Scopes), secret.Hash[:], secret.Prefix, key.Signing)
	if err != nil {
		return fmt.Errorf("save key %s: %w", key.Name, err)
	}
	return nil
}

// CreateKey stores a new API key with its one secret. Errors: jobs.ErrExists.
func (s *Store) CreateKey(ctx context.Context, key jobs.Key) error {
	secret := key.Secrets[0]
	tag, err := s.pool.Exec(ctx, `WITH key AS (`+insertKey+` ON CONFLICT DO NOTHING RETURNING name)
		INSERT INTO freshet.key_secrets (hash, key, prefix) SELECT $6, name, $7 FROM key`,
		key.Name, key.Owner, key.Admin, key.ActAsOwner, scopes(key.Scopes), secret.Hash[:], secret.Prefix, key.Signing)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrExists
	}
	if err != nil {
		return fmt.Errorf("create key %s: %w", key.Name, err)
	}
	return nil
}

const rotateSQL = `
WITH newest AS (
	SELECT hash FROM freshet.key_secrets WHERE key = $1 ORDER BY created_at DESC LIMIT 1
), older AS (
	DELETE FROM freshet.key_secrets WHERE key = $1 AND hash NOT IN (SELECT hash FROM newest)
), before AS (
	UPDATE freshet.key_secrets SET expires_at = $4::timestamptz + $5::bigint * interval '1 millisecond'
	WHERE hash IN (SELECT hash FROM newest)
), signed AS (
	UPDATE freshet.api_keys SET signing = $6, signing_until = $7 WHERE name = $1
)
INSERT INTO freshet.key_secrets (hash, key, prefix, created_at) VALUES ($2, $1, $3, $4)`

// RotateKey gives a key another secret. The one before stays good for so long; an older one goes at once.
// resign answers what it signs with from now on; it is called under the key's lock, with the database's time,
// and must be quick. Errors: jobs.ErrNotFound, and that of resign.
func (s *Store) RotateKey(ctx context.Context, name string, secret jobs.KeySecret, keep time.Duration,
	resign func(before jobs.Signing, now time.Time) (jobs.Signing, error),
) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var signing jobs.Signing
		var now time.Time
		err := tx.QueryRow(ctx, `SELECT signing, signing_until, clock_timestamp() FROM freshet.api_keys WHERE name = $1 FOR UPDATE`, name).
			Scan(&signing.Secrets, &signing.Until, &now)
		if err != nil {
			return noRows(err)
		}
		if signing, err = resign(signing, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, rotateSQL, name, secret.Hash[:], secret.Prefix, now, keep.Milliseconds(), signing.Secrets, signing.Until)
		return err
	})
	if err != nil {
		return fmt.Errorf("rotate key %s: %w", name, err)
	}
	return nil
}

// RemoveKey revokes a key and all its secrets. Errors: jobs.ErrNotFound.
func (s *Store) RemoveKey(ctx context.Context, name string) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM freshet.api_keys WHERE name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove key %s: %w", name, err)
	}
	return nil
}

// Keys lists the API keys by name, without their hashes.
func (s *Store) Keys(ctx context.Context) ([]jobs.Key, error) {
	rows, err := s.pool.Query(ctx, `SELECT k.name, k.owner, k.admin, k.act_as_owner, k.scopes, k.created_at,
			s.prefix, s.created_at, s.last_used_at, s.expires_at
		FROM freshet.api_keys k JOIN freshet.key_secrets s ON s.key = k.name
		WHERE s.expires_at IS NULL OR s.expires_at > clock_timestamp()
		ORDER BY k.name, s.created_at DESC`)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var keys []jobs.Key
	var key jobs.Key
	var secret jobs.KeySecret
	targets := []any{
		&key.Name, &key.Owner, &key.Admin, &key.ActAsOwner, &key.Scopes, &key.CreatedAt,
		&secret.Prefix, &secret.CreatedAt, &secret.LastUsedAt, &secret.ExpiresAt,
	}
	_, err = pgx.ForEachRow(rows, targets, func() error {
		if len(keys) == 0 || keys[len(keys)-1].Name != key.Name {
			keys = append(keys, key)
		}
		last := &keys[len(keys)-1]
		last.Secrets = append(last.Secrets, secret)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return keys, nil
}

// Identify finds whose API key has a secret with the given SHA-256, and notes that it is used. Errors:
// jobs.ErrNotFound.
func (s *Store) Identify(ctx context.Context, hash [32]byte) (jobs.Identity, error) {
	var identity jobs.Identity
	var scopes []jobs.Scope
	var until *time.Time
	err := s.pool.QueryRow(ctx, `WITH used AS (
			UPDATE freshet.key_secrets SET last_used_at = clock_timestamp()
			WHERE hash = $1 AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')
		)
		SELECT k.name, k.owner, k.admin, k.act_as_owner, k.signing IS NOT NULL, k.scopes, s.expires_at
		FROM freshet.key_secrets s JOIN freshet.api_keys k ON k.name = s.key
		WHERE s.hash = $1 AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())`, hash[:]).
		Scan(&identity.Key, &identity.Owner, &identity.Admin, &identity.ActAsOwner, &identity.Signs, &scopes, &until)
	if err = noRows(err); err != nil {
		return jobs.Identity{}, fmt.Errorf("identify: %w", err)
	}
	if !identity.Admin {
		identity.Grant = &jobs.Grant{Scopes: scopes}
	}
	if until != nil {
		identity.Until = *until
	}
	return identity, nil
}

// GoodCredentials tells which of the given hashes are those of secrets or sessions that let somebody in
// now.
func (s *Store) GoodCredentials(ctx context.Context, hashes [][]byte) (map[[32]byte]bool, error) {
	rows, err := s.pool.Query(ctx, `SELECT hash FROM freshet.key_secrets
			WHERE hash = ANY ($1) AND (expires_at IS NULL OR expires_at > clock_timestamp())
		UNION ALL SELECT s.hash `+goodSessions+` AND s.hash = ANY ($1)`, hashes)
	if err != nil {
		return nil, fmt.Errorf("good credentials: %w", err)
	}
	good := make(map[[32]byte]bool, len(hashes))
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&hash}, func() error {
		good[[32]byte(hash)] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("good credentials: %w", err)
	}
	return good, nil
}

// scopes are all of them when none is named.
func scopes(named []jobs.Scope) []jobs.Scope {
	if named == nil {
		return []jobs.Scope{jobs.ScopeRead, jobs.ScopeCancel, jobs.ScopeWrite}
	}
	return named
}
