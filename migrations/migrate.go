package migrations

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5/pgconn"
)

// All, as a number of steps, takes back everything.
const All = math.MaxInt

// ErrNewer says that the database was migrated by a later version of this program.
var ErrNewer = errors.New("database is newer than this program")

// ErrInUse says that the next file contracts, and that programs live which need what it takes away. Who they are
// follows, a line each.
var ErrInUse = errors.New("programs of an earlier release still use the database, and what this migration takes away")

// contractRefused is what freshet.contract raises while older programs live.
const contractRefused = "FS001"

// Up brings the database to the latest version. It may be called by many processes at once, and
// again after any of them was killed.
//
// The role needs the right to create schemas in the database. The URL must lead to a session of its
// own, not to a pooler that shares them between transactions. Errors: ErrNewer, ErrInUse.
func Up(ctx context.Context, databaseURL string) error {
	return up(ctx, databaseURL, embedded, false)
}

// Force is Up that does not ask who lives: older workers count as dead from a file that contracts on, and what they run
// is done again by others; an older API is left to fail. Errors: ErrNewer.
func Force(ctx context.Context, databaseURL string) error {
	return up(ctx, databaseURL, embedded, true)
}

func up(ctx context.Context, databaseURL string, files fs.FS, force bool) error {
	return migrate(ctx, databaseURL, files, force, func(r *run) error {
		for {
			version, err := r.version()
			if err != nil {
				return err
			}
			if version == int(r.latest) {
				return nil
			}
			if err := r.step(ctx, +1); err != nil {
				return fmt.Errorf("from version %d up: %w", max(version, 0), inUse(err))
			}
		}
	})
}

// inUse is an error of golang-migrate's as ErrInUse, if freshet.contract raised it.
func inUse(err error) error {
	var failed database.Error // which unwraps to nothing
	var refused *pgconn.PgError
	if errors.As(err, &failed) && errors.As(failed.OrigErr, &refused) && refused.Code == contractRefused {
		return fmt.Errorf("%w:\n%s", ErrInUse, refused.Detail)
	}
	return err
}

// Down takes back the last steps files, or as many as there are. With All nothing of Freshet's
// remains in the database, its data included.
func Down(ctx context.Context, databaseURL string, steps int) error {
	return migrate(ctx, databaseURL, embedded, false, func(r *run) error {
		for range steps {
			version, err := r.version()
			if err != nil {
				return err
			}
			if version == none {
				break
			}
			if err := r.step(ctx, -1); err != nil {
				return fmt.Errorf("from version %d down: %w", version, err)
			}
		}
		return r.clear(ctx)
	})
}

// Version returns the version of the database, zero if it has none, without changing anything. It
// is dirty while a migration runs, and after one failed or was killed until the next Up.
func Version(ctx context.Context, databaseURL string) (version uint, dirty bool, err error) {
	conn, err := connect(ctx, databaseURL)
	if err != nil {
		return 0, false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	recorded, err := recordedVersion(ctx, conn)
	if err != nil {
		return 0, false, err
	}
	dirty, err = marked(ctx, conn)
	return uint(max(recorded, 0)), dirty, err
}

// migrate opens a run, lets do work in it, and closes it.
func migrate(ctx context.Context, databaseURL string, files fs.FS, force bool, do func(*run) error) (err error) {
	r, err := open(ctx, databaseURL, files, force)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	defer func() {
		if closed := r.close(context.WithoutCancel(ctx)); closed != nil {
			err = errors.Join(err, fmt.Errorf("finish migrations: %w", closed))
		}
	}()
	if err := do(r); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
