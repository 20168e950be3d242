package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// EnsurePartitions makes the partitions of events and logs for the day of now and the days after it.
// What falls outside goes to the default partitions, so that a late call loses nothing.
func (s *Store) EnsurePartitions(ctx context.Context, now time.Time, days int) error {
	first := now.UTC().Truncate(24 * time.Hour)
	for day := range days {
		from := first.AddDate(0, 0, day)
		for _, table := range []string{"task_events", "task_logs"} {
			if err := s.ensurePartition(ctx, table, from); err != nil {
				return fmt.Errorf("make partition of %s for %s: %w", table, from.Format(time.DateOnly), err)
			}
		}
	}
	return nil
}

// tableExists is PostgreSQL's duplicate_table.
const tableExists = "42P07"

// ensurePartition looks first, without a lock on the table that everybody writes to. Two processes
// may make the same partition at once, so make_day takes an advisory lock, which ends with the statement. The
// look behind that lock can miss what was made meanwhile, which then is refused, and is there.
func (s *Store) ensurePartition(ctx context.Context, table string, from time.Time) error {
	name := fmt.Sprintf("freshet.%s_%s", table, from.Format("20060102"))
	var exists bool
	err := s.pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = s.pool.Exec(ctx, `SELECT freshet.make_day($1, $2)`, table, from)
	if made, ok := errors.AsType[*pgconn.PgError](err); ok && made.Code == tableExists {
		return nil
	}
	return err
}
