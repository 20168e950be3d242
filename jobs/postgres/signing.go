package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// SignKey gives an API key other secrets that sign the messages to the webhooks of its tasks; the second
// one of them only for so long. Errors: jobs.ErrNotFound.
func (s *Store) SignKey(ctx context.Context, name string, secrets []byte, keep time.Duration) error {
	tag, err := s.pool.Exec(ctx, `UPDATE freshet.api_keys SET signing = $2,
		signing_until = clock_timestamp() + $3::bigint * interval '1 millisecond' WHERE name = $1`, name, secrets, keep.Milliseconds())
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("give key %s another signing secret: %w", name, err)
	}
	return nil
}

// KeySigning reads what an API key signs with. Errors: jobs.ErrNotFound.
func (s *Store) KeySigning(ctx context.Context, name string) (jobs.Signing, error) {
	var signing jobs.Signing
	err := s.pool.QueryRow(ctx, `SELECT signing, signing_until FROM freshet.api_keys WHERE name = $1`, name).
		Scan(&signing.Secrets, &signing.Until)
	if err = noRows(err); err != nil {
		return jobs.Signing{}, fmt.Errorf("signing secret of key %s: %w", name, err)
	}
	return signing, nil
}

// SignEndpoint gives an endpoint other secrets; the second one of them signs only for so long. Errors:
// jobs.ErrNotFound.
func (s *Store) SignEndpoint(ctx context.Context, id uuid.UUID, secrets []byte, keep time.Duration) error {
	tag, err := s.pool.Exec(ctx, `UPDATE freshet.endpoints SET signing = $2, updated_at = clock_timestamp(),
		signing_until = clock_timestamp() + $3::bigint * interval '1 millisecond' WHERE id = $1`, id, secrets, keep.Milliseconds())
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("give endpoint %s another secret: %w", id, err)
	}
	return nil
}
