package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	golangmigrate "github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	driver "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	schema = "freshet"
	table  = "schema_migrations"

	// guardKey is the advisory lock that lets one process migrate at a time: "freshetm" in ASCII.
	guardKey = 0x667265736865746d

	// blockedFor is how long a statement of a file waits for a table that is in use. Whoever comes
	// after it waits behind it, so it gives up, and Up can be tried again.
	blockedFor = "30s"
)

// run is one process's turn at migrating.
type run struct {
	latest uint      // of the files
	guard  *pgx.Conn // holds the lock as long as it is open
	db     *sql.DB
	driver database.Driver
	files  *golangmigrate.Migrate
}

// open waits for its turn and puts golang-migrate's version right.
func open(ctx context.Context, databaseURL string, files fs.FS, force bool) (_ *run, err error) {
	guard, err := connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	r := &run{latest: latest(files), guard: guard}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := r.lock(ctx); err != nil {
		return nil, err
	}
	if err := r.createSchema(ctx); err != nil {
		return nil, err
	}
	if err := r.openFiles(databaseURL, files, force); err != nil {
		return nil, err
	}
	if err := r.repair(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// lock takes the guard, then waits until golang-migrate's own lock is free: the server process of a
// killed client holds it until it is done with the file it was sent.
func (r *run) lock(ctx context.Context) error {
	if _, err := r.guard.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(guardKey)); err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	key, err := database.GenerateAdvisoryLockId(r.guard.Config().Database, schema, table)
	if err != nil {
		return fmt.Errorf("key of golang-migrate's lock: %w", err)
	}
	const await = `SELECT pg_advisory_lock($1::bigint), pg_advisory_unlock($1::bigint)`
	if _, err := r.guard.Exec(ctx, await, key); err != nil {
		return fmt.Errorf("wait for the server to finish a file: %w", err)
	}
	return nil
}

// createSchema makes the schema that golang-migrate's table is in. It asks first, because IF NOT
// EXISTS wants the right to create schemas even where there is nothing to create.
func (r *run) createSchema(ctx context.Context) error {
	const create = `DO $$ BEGIN
		IF to_regnamespace('freshet') IS NULL THEN CREATE SCHEMA freshet; END IF;
	END $$`
	if _, err := r.guard.Exec(ctx, create); err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	return nil
}

func (r *run) openFiles(databaseURL string, files fs.FS, force bool) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["lock_timeout"] = blockedFor
	if force {
		config.RuntimeParams["freshet.contract"] = "forced"
	}
	r.db = stdlib.OpenDB(*config)
	r.driver, err = driver.WithInstance(r.db, &driver.Config{
		DatabaseName: config.Database, SchemaName: schema, MigrationsTable: table,
	})
	if err != nil {
		return fmt.Errorf("open golang-migrate: %w", err)
	}
	source, err := iofs.New(files, ".")
	if err != nil {
		return fmt.Errorf("read the files: %w", err)
	}
	r.files, err = golangmigrate.NewWithInstance("files", source, "database", r.driver)
	if err != nil {
		return fmt.Errorf("open golang-migrate: %w", err)
	}
	return nil
}

// repair takes the version from the record if golang-migrate does not know it.
func (r *run) repair(ctx context.Context) error {
	_, dirty, err := r.driver.Version()
	if err != nil {
		return fmt.Errorf("read golang-migrate's version: %w", err)
	}
	if !dirty {
		return nil
	}
	version, err := recordedVersion(ctx, r.guard)
	if err != nil {
		return err
	}
	if err := r.driver.SetVersion(version, false); err != nil {
		return fmt.Errorf("set golang-migrate's version to %d: %w", version, err)
	}
	return nil
}

// version returns the version the database is at, or none.
func (r *run) version() (int, error) {
	version, _, err := r.driver.Version()
	if err != nil {
		return none, fmt.Errorf("read golang-migrate's version: %w", err)
	}
	if version > int(r.latest) {
		return none, fmt.Errorf("%w: version %d, known up to %d", ErrNewer, version, r.latest)
	}
	return version, nil
}

// step runs one file, unless the context has ended. One at a time is what makes a cancel graceful:
// golang-migrate takes no context.
func (r *run) step(ctx context.Context, direction int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.files.Steps(direction)
}

// clear removes what createSchema and golang-migrate made, if no file is left.
func (r *run) clear(ctx context.Context) error {
	version, err := r.version()
	if err != nil || version != none {
		return err
	}
	const drop = `DROP TABLE freshet.schema_migrations; DROP SCHEMA freshet`
	if _, err := r.guard.Exec(ctx, drop); err != nil {
		return fmt.Errorf("drop schema: %w", err)
	}
	return nil
}

// close ends the turn. The lock goes last, with its connection.
func (r *run) close(ctx context.Context) error {
	var errs []error
	switch {
	case r.files != nil:
		source, driver := r.files.Close()
		errs = append(errs, source, driver)
	case r.driver != nil:
		errs = append(errs, r.driver.Close())
	case r.db != nil:
		errs = append(errs, r.db.Close())
	}
	return errors.Join(append(errs, r.guard.Close(ctx))...)
}
