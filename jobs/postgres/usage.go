package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// OpenTasks counts an owner's tasks that have not ended, up to limit.
func (s *Store) OpenTasks(ctx context.Context, owner string, limit int) (int, error) {
	var open int
	err := s.pool.QueryRow(ctx, `SELECT count(*) FROM (
		SELECT FROM freshet.attempts WHERE owner = $1 AND state <> 'ended' LIMIT $2) alive`, owner, limit).Scan(&open)
	if err != nil {
		return 0, fmt.Errorf("count the open tasks of %s: %w", owner, err)
	}
	return open, nil
}

// Usage sums up how many bytes the tasks of owners take: inputs, outputs, what they printed, and files. It
// reads all rows of theirs.
func (s *Store) Usage(ctx context.Context, owners []string) (map[string]int64, error) {
	rows, err := s.pool.Query(ctx, `SELECT owner, sum(input_bytes + output_bytes + log_bytes + artifact_bytes)::bigint
		FROM freshet.tasks WHERE owner = ANY ($1) GROUP BY owner`, owners)
	if err != nil {
		return nil, fmt.Errorf("sum up what owners keep: %w", err)
	}
	usage := make(map[string]int64, len(owners))
	var owner string
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&owner, &bytes}, func() error {
		usage[owner] = bytes
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sum up what owners keep: %w", err)
	}
	return usage, nil
}
