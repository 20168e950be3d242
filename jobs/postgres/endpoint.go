package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

const endpointColumns = `id, owner, everyone, url, events, kinds, headers, signing, signing_until,
	enabled, coalesce(disabled_reason, ''), paused_at, failing_since, created_at, updated_at`

// scanEndpoint reads endpointColumns, and what follows them into more.
func scanEndpoint(row pgx.CollectableRow, more ...any) (jobs.Endpoint, error) {
	var e jobs.Endpoint
	err := row.Scan(append([]any{
		&e.ID, &e.Owner, &e.Everyone, &e.URL, &e.Events, &e.Kinds, &e.Headers, &e.Signing.Secrets, &e.Signing.Until,
		&e.Enabled, &e.Disabled, &e.PausedAt, &e.FailingAt, &e.CreatedAt, &e.UpdatedAt,
	}, more...)...)
	return e, err
}

func endpointRow(row pgx.CollectableRow) (jobs.Endpoint, error) { return scanEndpoint(row) }

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
	endpoint, err := pgx.CollectExactlyOneRow(rows, endpointRow)
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
	endpoints, err := pgx.CollectRows(rows, endpointRow)
	if err != nil {
		return nil, fmt.Errorf("list endpoints: %w", err)
	}
	return endpoints, nil
}

// ChangeEndpoint changes what a user may change of an endpoint, and its secrets. change is called under the
// endpoint's lock, with the database's time, and must be quick; its error changes nothing. One that is enabled
// again has not failed. Errors: jobs.ErrNotFound, and that of change.
func (s *Store) ChangeEndpoint(ctx context.Context, id uuid.UUID, change func(e *jobs.Endpoint, now time.Time) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+endpointColumns+`, clock_timestamp() FROM freshet.endpoints WHERE id = $1 FOR UPDATE`, id)
		if err != nil {
			return err
		}
		var now time.Time
		e, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (jobs.Endpoint, error) { return scanEndpoint(row, &now) })
		if err != nil {
			return noRows(err)
		}
		if err := change(&e, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE freshet.endpoints SET url = $2, events = $3, kinds = $4, headers = $5,
				failing_since = CASE WHEN enabled OR NOT $6 THEN failing_since END,
				disabled_reason = CASE WHEN NOT $6 THEN disabled_reason END, enabled = $6, paused_at = $7,
				signing = $8, signing_until = $9, updated_at = $10
			WHERE id = $1`, id, e.URL, e.Events, e.Kinds, e.Headers, e.Enabled, e.PausedAt, e.Signing.Secrets, e.Signing.Until, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("change endpoint %s: %w", id, err)
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
