package migrations

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// none is the version of a database without migrations, in golang-migrate's words.
const none = -1

// connect opens the connection that holds the lock and reads the record.
func connect(ctx context.Context, databaseURL string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	// Another process may rightly migrate for longer than any role's timeout.
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["lock_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// recordedVersion returns the version that the last committed file noted.
func recordedVersion(ctx context.Context, conn *pgx.Conn) (int, error) {
	there, err := exists(ctx, conn, "freshet.schema_versions")
	if err != nil || !there {
		return none, err
	}
	var version int
	const query = `SELECT coalesce(max(version), -1) FROM freshet.schema_versions`
	if err := conn.QueryRow(ctx, query).Scan(&version); err != nil {
		return none, fmt.Errorf("read the recorded version: %w", err)
	}
	return version, nil
}

// marked tells whether golang-migrate's mark is set.
func marked(ctx context.Context, conn *pgx.Conn) (bool, error) {
	there, err := exists(ctx, conn, "freshet.schema_migrations")
	if err != nil || !there {
		return false, err
	}
	var dirty bool
	const query = `SELECT coalesce(bool_or(dirty), false) FROM freshet.schema_migrations`
	if err := conn.QueryRow(ctx, query).Scan(&dirty); err != nil {
		return false, fmt.Errorf("read the mark: %w", err)
	}
	return dirty, nil
}

func exists(ctx context.Context, conn *pgx.Conn, table string) (bool, error) {
	var there bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&there); err != nil {
		return false, fmt.Errorf("look for table %s: %w", table, err)
	}
	return there, nil
}
