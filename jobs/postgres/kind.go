package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// SyncKinds makes the given kinds the current ones and retires all others. Revisions are only ever
// added: tasks refer to them.
func (s *Store) SyncKinds(ctx context.Context, kinds []jobs.Kind) error {
	names, hashes, specs := []string{}, []string{}, []string{} // nil would be null, and retire none
	var totals, shares []*int
	var credentials []*string
	for _, kind := range kinds {
		hash, err := kind.Hash()
		if err != nil {
			return err
		}
		spec, err := json.Marshal(kind)
		if err != nil {
			return fmt.Errorf("sync kind %s: %w", kind.Name, err)
		}
		names, hashes, specs = append(names, kind.Name), append(hashes, hash), append(specs, string(spec))
		totals, shares = append(totals, nullInt(kind.Concurrency.Total)), append(shares, nullInt(kind.Concurrency.PerOwner))
		credentials = append(credentials, nullText(kind.Credential))
	}
	_, err := s.pool.Exec(ctx, `
		WITH input AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::text[])
			AS i(name, hash, spec, max_total, max_per_owner, credential)),
		revision AS (
			INSERT INTO freshet.kind_revisions (name, hash, spec) SELECT name, hash, spec::json FROM input ORDER BY name
			ON CONFLICT DO NOTHING
		), kind AS (
			INSERT INTO freshet.kinds (name, current_hash, max_total, max_per_owner, credential)
			SELECT name, hash, max_total, max_per_owner, credential FROM input ORDER BY name
			ON CONFLICT (name) DO UPDATE SET current_hash = excluded.current_hash, retired_at = NULL,
				max_total = excluded.max_total, max_per_owner = excluded.max_per_owner, credential = excluded.credential
			WHERE kinds.current_hash <> excluded.current_hash OR kinds.retired_at IS NOT NULL
		), alive AS MATERIALIZED ( -- what waits or runs is counted by the new limits
			SELECT a.task_id, a.number, coalesce(i.max_total, i.max_per_owner) IS NOT NULL AS limited
			FROM freshet.attempts a JOIN input i ON i.name = a.kind
			WHERE a.state <> 'ended' AND a.limited <> (coalesce(i.max_total, i.max_per_owner) IS NOT NULL)
			ORDER BY a.task_id FOR UPDATE OF a
		), counted AS (
			UPDATE freshet.attempts a SET limited = alive.limited FROM alive WHERE a.task_id = alive.task_id AND a.number = alive.number
		)
		UPDATE freshet.kinds SET retired_at = now() WHERE name <> ALL ($1) AND retired_at IS NULL`, names, hashes, specs, totals, shares, credentials)
	if err != nil {
		return fmt.Errorf("sync kinds: %w", err)
	}
	s.notifier.control()
	return nil
}

// Kinds lists the current kinds by name.
func (s *Store) Kinds(ctx context.Context) ([]jobs.KindStatus, error) {
	rows, err := s.pool.Query(ctx, `SELECT r.spec, k.current_hash, k.paused_at
		FROM freshet.kinds k JOIN freshet.kind_revisions r ON r.name = k.name AND r.hash = k.current_hash
		WHERE k.retired_at IS NULL ORDER BY k.name`)
	if err != nil {
		return nil, fmt.Errorf("list kinds: %w", err)
	}
	kinds, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (jobs.KindStatus, error) {
		var status jobs.KindStatus
		var spec []byte
		if err := row.Scan(&spec, &status.Revision, &status.PausedAt); err != nil {
			return status, err
		}
		return status, json.Unmarshal(spec, &status.Kind)
	})
	if err != nil {
		return nil, fmt.Errorf("list kinds: %w", err)
	}
	return kinds, nil
}

// KindRevision reads one revision of a kind. Errors: jobs.ErrNotFound.
func (s *Store) KindRevision(ctx context.Context, name, hash string) (jobs.Kind, error) {
	var spec []byte
	var kind jobs.Kind
	err := s.pool.QueryRow(ctx, `SELECT spec FROM freshet.kind_revisions WHERE name = $1 AND hash = $2`, name, hash).Scan(&spec)
	if err = noRows(err); err == nil {
		err = json.Unmarshal(spec, &kind)
	}
	if err != nil {
		return jobs.Kind{}, fmt.Errorf("revision %s of kind %s: %w", hash, name, err)
	}
	return kind, nil
}

// PauseKind keeps waiting tasks of a kind from starting, or lets them start again; what runs goes on.
// It answers since when the kind is paused, nil when it is not. Errors: jobs.ErrNotFound.
func (s *Store) PauseKind(ctx context.Context, name string, paused bool) (*time.Time, error) {
	return s.pause(ctx, `UPDATE freshet.kinds SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END
		WHERE name = $1 AND retired_at IS NULL RETURNING paused_at`, "kind", name, paused)
}

// PausePool does for a pool what PauseKind does for a kind.
func (s *Store) PausePool(ctx context.Context, name string, paused bool) (*time.Time, error) {
	return s.pause(ctx, `UPDATE freshet.pools SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END
		WHERE name = $1 AND retired_at IS NULL RETURNING paused_at`, "pool", name, paused)
}

func (s *Store) pause(ctx context.Context, sql, what, name string, paused bool) (*time.Time, error) {
	var since *time.Time
	err := s.pool.QueryRow(ctx, sql, name, paused).Scan(&since)
	if err = noRows(err); err != nil {
		return nil, fmt.Errorf("pause or resume %s %s: %w", what, name, err)
	}
	s.notifier.control()
	return since, nil
}
