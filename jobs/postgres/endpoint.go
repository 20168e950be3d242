package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

const endpointColumns = `id, owner, everyone, url, events, kinds, headers, signing, signing_until,
	enabled, coalesce(disabled_reason, ''), paused_at, failing_since, created_at, updated_at`

func scanEndpoint(row pgx.CollectableRow) (jobs.Endpoint, error) {
	var e jobs.Endpoint
	err := row.Scan(&e.ID, &e.Owner, &e.Everyone, &e.URL, &e.Events, &e.Kinds, &e.Headers, &e.Signing.Secrets, &e.Signing.Until,
		&e.Enabled, &e.Disabled, &e.PausedAt, &e.FailingAt, &e.CreatedAt, &e.UpdatedAt)
	return e, err
}

// CreateEndpoint stores a new endpoint. It hears of what happens from now on. An owner can have limit of
// them. Errors: jobs.ErrTooMany.
func (s *Store) CreateEndpoint(ctx context.Context, e jobs.Endpoint, limit int) error {
	tag, err := s.pool.Exec(ctx, `INSERT INTO freshet.endpoints (id, owner, everyone, url, events, kinds, headers, signing, enabled)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE (SELECT count(*) FROM freshet.endpoints WHERE owner = $2) < $10`,
		e.ID, e.Owner, e.Everyone, e.URL, e.Events, e.Kinds, e.Headers, e.Signing.Secrets, e.Enabled, limit)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrTooMany
	}
	if err != nil {
		return fmt.Errorf("create endpoint: %w", err)
	}
	return nil
}

// Endpoint reads one endpoint. Errors: jobs.ErrNotFound.
func (s *Store) Endpoint(ctx context.Context, id uuid.UUID) (jobs.Endpoint, error) {
	rows, err := s.window.Query(ctx, `SELECT `+endpointColumns+` FROM freshet.endpoints WHERE id = $1`, id)
	if err != nil {
		return jobs.Endpoint{}, fmt.Errorf("endpoint %s: %w", id, err)
	}
	endpoint, err := pgx.CollectExactlyOneRow(rows, scanEndpoint)
	if err = noRows(err); err != nil {
		return jobs.Endpoint{}, fmt.Errorf("endpoint %s: %w", id, err)
	}
	return endpoint, nil
}

// Endpoints lists the endpoints of an owner, or of all when owner is empty.
func (s *Store) Endpoints(ctx context.Context, owner string) ([]jobs.Endpoint, error) {
	rows, err := s.window.Query(ctx, `SELECT `+endpointColumns+` FROM freshet.endpoints WHERE $1 IN ('', owner) ORDER BY id`, owner)
	if err != nil {
		return nil, fmt.Errorf("list endpoints: %w", err)
	}
	endpoints, err := pgx.CollectRows(rows, scanEndpoint)
	if err != nil {
		return nil, fmt.Errorf("list endpoints: %w", err)
	}
	return endpoints, nil
}

// ChangeEndpoint stores what a user may change of an endpoint. One that is enabled again has not failed.
// Errors: jobs.ErrNotFound.
func (s *Store) ChangeEndpoint(ctx context.Context, e jobs.Endpoint) error {
	tag, err := s.pool.Exec(ctx, `UPDATE freshet.endpoints SET url = $2, events = $3, kinds = $4, headers = $5,
			failing_since = CASE WHEN enabled OR NOT $6 THEN failing_since END,
			disabled_reason = CASE WHEN NOT $6 THEN disabled_reason END, enabled = $6, paused_at = $7, updated_at = clock_timestamp()
		WHERE id = $1`, e.ID, e.URL, e.Events, e.Kinds, e.Headers, e.Enabled, e.PausedAt)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("change endpoint %s: %w", e.ID, err)
	}
	s.notifier.delivery() // what waited may go
	return nil
}

// RemoveEndpoint deletes an endpoint with its deliveries. Errors: jobs.ErrNotFound.
func (s *Store) RemoveEndpoint(ctx context.Context, id uuid.UUID) error {
	tag, err := s.pool.Exec(ctx, `WITH gone AS (DELETE FROM freshet.deliveries WHERE endpoint_id = $1 RETURNING 1)
		DELETE FROM freshet.endpoints WHERE id = $1 AND (SELECT count(*) FROM gone) >= 0`, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = jobs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove endpoint %s: %w", id, err)
	}
	return nil
}
