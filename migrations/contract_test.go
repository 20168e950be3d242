package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"freshet/jobs/postgres/postgrestest"
	"freshet/migrations"
)

// contracting are the embedded files, and one of the next release, which drops a column that programs read that were
// made for a version before oldest.
func contracting(t *testing.T, oldest uint) fs.FS {
	t.Helper()
	all, next := fstest.MapFS{}, migrations.Latest()+1
	names, err := fs.Glob(migrations.Embedded(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(migrations.Embedded(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: body}
	}
	all[fmt.Sprintf("%06d_hosts.up.sql", next)] = &fstest.MapFile{Data: fmt.Appendf(nil, `SELECT freshet.contract(%d);
		ALTER TABLE freshet.workers DROP COLUMN host;
		INSERT INTO freshet.schema_versions (version, oldest) VALUES (%d, %[1]d);`, oldest, next)}
	all[fmt.Sprintf("%06d_hosts.down.sql", next)] = &fstest.MapFile{Data: fmt.Appendf(nil, `ALTER TABLE freshet.workers ADD COLUMN host text NOT NULL DEFAULT '';
		DELETE FROM freshet.schema_versions WHERE version = %d;`, next)}
	return all
}

// person is somebody who may stand in the way of a contraction.
type person struct {
	does     string // a statement, in a session that goes on
	stops    string // empty: nobody minds them
	survives bool   // of workers: it lives after a contraction that was forced
}

func worker(schema uint, lease, death string) string {
	return fmt.Sprintf(`INSERT INTO freshet.workers (id, pool, host, pid, slots, kinds, version, started_at, beat_at, lease_until, died_at, schema)
		VALUES ('01900000-0000-7000-8000-000000000001', 'default', 'cellar', 7, 1, '{}', 'v1', now(), now(), now() + '%s', %s, %d)`, lease, death, schema)
}

func unit(generation, boot string) string {
	return fmt.Sprintf(`INSERT INTO freshet.pools (name, provider, slots, managed, generation) VALUES ('default', 'fly', 1, true, 'new');
		INSERT INTO freshet.fleet_units (intent, pool, provider, unit, generation, state, created_at, ordered_at, boot_until)
		VALUES (gen_random_uuid(), 'default', 'fly', 'machine-7', '%s', 'starting', now(), now(), now() + '%s')`, generation, boot)
}

func listens(schema uint) string {
	return fmt.Sprintf(`SELECT pg_advisory_lock_shared(hashtext('freshet schema'), %d)`, schema)
}

func people() map[string]person {
	oldest := migrations.Latest()
	return map[string]person{
		"nobody":                              {does: `SELECT 1`},
		"a worker of this release":            {does: worker(oldest, "1 minute", "NULL"), survives: true},
		"an older worker":                     {does: worker(oldest-1, "1 minute", "NULL"), stops: "worker 01900000-0000-7000-8000-000000000001 (v1) of pool default on cellar, process 7"},
		"an older worker whose lease is over": {does: worker(oldest-1, "-1 second", "NULL")},
		"an older worker that died":           {does: worker(oldest-1, "1 minute", "now()")},
		"an older unit that is being started": {does: unit("old", "1 minute"), stops: "unit machine-7 of pool default"},
		"one that never came up":              {does: unit("old", "-1 second")},
		"a unit of this generation":           {does: unit("new", "1 minute")},
		"an API of this release":              {does: listens(oldest)},
		"an older API":                        {does: listens(oldest - 1), stops: "API at "},
	}
}

// TestContraction is refused, and changes nothing, while somebody lives who is too old for it.
func TestContraction(t *testing.T) {
	t.Parallel()
	for name, who := range people() {
		for _, force := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, force %v", name, force), func(t *testing.T) {
				t.Parallel()
				url := postgrestest.New(t)
				there := open(t, url)
				execute(t, there, who.does)
				err := migrations.UpTo(t.Context(), url, contracting(t, migrations.Latest()), force)
				if who.stops != "" && !force {
					if !errors.Is(err, migrations.ErrInUse) || !strings.Contains(err.Error(), "\n"+who.stops) {
						t.Fatalf("it says %v", err)
					}
					execute(t, there, `SELECT host FROM freshet.workers`)
					if version, _, err := migrations.Version(t.Context(), url); err != nil || version != migrations.Latest() {
						t.Fatalf("version %d, error %v", version, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, err := there.Exec(t.Context(), `SELECT host FROM freshet.workers`); err == nil {
					t.Error("the column is still there")
				}
				var alive bool
				if err := there.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM freshet.workers WHERE died_at IS NULL)`).Scan(&alive); err != nil || alive != who.survives {
					t.Errorf("a worker lives: %v, error %v", alive, err)
				}
			})
		}
	}
}

// TestContractionThatWasRefused goes on once nobody is in its way, and lets nobody of before in.
func TestContractionThatWasRefused(t *testing.T) {
	t.Parallel()
	url, oldest := postgrestest.New(t), migrations.Latest()
	conn := open(t, url)
	execute(t, conn, worker(oldest-1, "1 minute", "NULL"))
	for range 2 {
		if err := migrations.UpTo(t.Context(), url, contracting(t, oldest), false); !errors.Is(err, migrations.ErrInUse) {
			t.Fatalf("it says %v", err)
		}
	}
	execute(t, conn, `DELETE FROM freshet.workers`)
	if err := migrations.UpTo(t.Context(), url, contracting(t, oldest), false); err != nil {
		t.Fatal(err)
	}
	var allowed uint
	if err := conn.QueryRow(t.Context(), `SELECT max(oldest) FROM freshet.schema_versions`).Scan(&allowed); err != nil || allowed != oldest {
		t.Errorf("it allows %d, error %v; want %d", allowed, err, oldest)
	}
}

// TestRegistrationDuringAContraction waits for it.
func TestRegistrationDuringAContraction(t *testing.T) {
	t.Parallel()
	url, oldest := postgrestest.New(t), migrations.Latest()
	registering := open(t, url)
	execute(t, registering, `BEGIN; SELECT pg_advisory_xact_lock_shared(hashtextextended('freshet register', 0))`)
	done := make(chan error, 1)
	go func() {
		done <- migrations.UpTo(context.WithoutCancel(t.Context()), url, contracting(t, oldest), false)
	}()
	awaitBlocked(t, url)
	execute(t, registering, worker(oldest-1, "1 minute", "NULL")+`; COMMIT`)
	if err := <-done; !errors.Is(err, migrations.ErrInUse) {
		t.Fatalf("it did not see who came meanwhile: %v", err)
	}
}
