package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"freshet/jobs"
	"freshet/migrations"
)

// How many requests one statement takes, and how many of its kind are in flight at once.
const (
	submitBatch = 256
	claimBatch  = 128
	flushBatch  = 64
	endBatch    = 128
)

// Store is all access to the database. It is safe for use by many goroutines.
type Store struct {
	pool     *pgxpool.Pool
	window   window
	notifier *Notifier
	name     string
	logger   *slog.Logger

	submits *batcher[jobs.Submission, jobs.Submitted]
	claims  *batcher[claimRequest, claimAnswer]
	flushes *batcher[jobs.Flush, flushAnswer]
	ends    *batcher[jobs.Ending, endAnswer]
}

// Options say how to reach the database.
type Options struct {
	URL            string // postgres://…
	Pooled         bool   // URL is a transaction pooler: no prepared statements, no run-time parameters
	MaxConnections int32  // zero: pgx's default
	Name           string // application_name
	Logger         *slog.Logger
	Used           func(context.Context) // called whenever a connection is taken, with what it is taken for; it must be quick
}

// ErrOutdated: the database lacks migrations that this program needs.
var ErrOutdated = errors.New("the database is older than this program: run freshet migrate up")

// ErrContracted: a later release has removed what this program needs of the database.
var ErrContracted = errors.New("this program is older than the database allows: use a newer one")

// Open connects to a migrated database and starts the Notifier; Close ends both. Errors: ErrOutdated, ErrContracted.
func Open(ctx context.Context, options Options) (*Store, error) {
	config, err := poolConfig(options)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	window, err := openWindow(ctx, pool)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := checkVersion(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	store := &Store{pool: pool, window: window, notifier: newNotifier(pool, options.Logger), name: options.Name, logger: options.Logger}
	store.submits = newBatcher(store.submitBatch, submitBatch, 2)
	store.claims = newBatcher(store.claimBatch, claimBatch, 1)
	store.flushes = newBatcher(store.flushBatch, flushBatch, 1)
	store.ends = newBatcher(store.endBatch, endBatch, 1)
	return store, nil
}

// undefinedTable is what PostgreSQL says of a table that is not there.
const undefinedTable = "42P01"

// checkVersion refuses a database that lacks migrations. One that is ahead is the upgrade's way: the
// programs before it go on, until a migration that contracts shuts them out.
func checkVersion(ctx context.Context, pool *pgxpool.Pool) error {
	var version uint
	err := pool.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM freshet.schema_versions`).Scan(&version)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == undefinedTable {
		err = nil // nothing was ever migrated
	}
	switch {
	case err != nil:
		return fmt.Errorf("read the version of the database: %w", err)
	case version < migrations.Latest():
		return fmt.Errorf("%w (it is at version %d, and needs %d)", ErrOutdated, version, migrations.Latest())
	}
	var oldest uint
	if err := pool.QueryRow(ctx, `SELECT `+oldestSchema).Scan(&oldest); err != nil {
		return fmt.Errorf("read whom the database allows: %w", err)
	}
	if oldest > migrations.Latest() {
		return fmt.Errorf("%w (made for version %d; it allows %d and later)", ErrContracted, migrations.Latest(), oldest)
	}
	return nil
}

// oldestSchema is the oldest schema whose programs may use the database.
const oldestSchema = `(SELECT max(oldest) FROM freshet.schema_versions)`

// Close breaks off what nobody waits for any more, sends the hints that are still due and closes all
// connections.
func (s *Store) Close() {
	s.submits.end()
	s.claims.end()
	s.flushes.end()
	s.ends.end()
	s.notifier.close()
	s.pool.Close()
}

// Pool is the connection pool, for the River client that shares it.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Check tells whether the database is still one for this program. Errors: ErrOutdated, ErrContracted.
func (s *Store) Check(ctx context.Context) error { return checkVersion(ctx, s.pool) }

// Leave closes the connections that nobody uses; the next use opens others.
func (s *Store) Leave() { s.pool.Reset() }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping the database: %w", err)
	}
	return nil
}

// poolConfig bounds what a statement may wait for, so that a lost peer cannot hold a lock for long.
func poolConfig(options Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(options.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	if options.MaxConnections > 0 {
		config.MaxConns = options.MaxConnections
	}
	if options.Used != nil {
		config.PrepareConn = func(ctx context.Context, _ *pgx.Conn) (bool, error) {
			options.Used(ctx)
			return true, nil
		}
	}
	if options.Pooled {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		return config, nil
	}
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = options.Name
	parameters["statement_timeout"] = "60s"
	parameters["lock_timeout"] = "10s"
	parameters["idle_in_transaction_session_timeout"] = "10s"
	parameters["timezone"] = "UTC"
	config.MaxConnIdleTime = 5 * time.Minute
	return config, nil
}
