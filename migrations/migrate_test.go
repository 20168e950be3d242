package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"freshet/jobs/postgres/postgrestest"
	"freshet/migrations"
)

func open(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func up(t *testing.T, url string) {
	t.Helper()
	if err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	version, dirty, err := migrations.Version(t.Context(), url)
	if err != nil || dirty || version != migrations.Latest() {
		t.Fatalf("version %d, dirty %v, error %v; want %d", version, dirty, err, migrations.Latest())
	}
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	up(t, url)
	before := catalogue(t, url)
	if !strings.Contains(before, "river.river_job") {
		t.Fatalf("River's tables are not in its schema:\n%s", before)
	}
	up(t, url) // nothing to do
	if err := migrations.Down(t.Context(), url, migrations.All); err != nil {
		t.Fatal(err)
	}
	if rest := catalogue(t, url); rest != "" {
		t.Fatalf("down left:\n%s", rest)
	}
	if version, _, err := migrations.Version(t.Context(), url); err != nil || version != 0 {
		t.Fatalf("version %d, error %v; want 0", version, err)
	}
	up(t, url)
	if after := catalogue(t, url); after != before {
		t.Fatalf("the second up differs, missing:\n%s\nnew:\n%s", difference(before, after), difference(after, before))
	}
}

// Each file's down must work by itself, and leave the version before.
func TestDownStepByStep(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	up(t, url)
	before, steps := catalogue(t, url), 0
	for {
		version, _, err := migrations.Version(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if version == 0 {
			break
		}
		steps++
		if err := migrations.Down(t.Context(), url, 1); err != nil {
			t.Fatal(err)
		}
		if below, _, err := migrations.Version(t.Context(), url); err != nil || below >= version {
			t.Fatalf("a step down from %d led to %d, error %v", version, below, err)
		}
	}
	if steps < 9 {
		t.Fatalf("only %d steps", steps)
	}
	up(t, url)
	if after := catalogue(t, url); after != before {
		t.Fatalf("up differs, missing:\n%s\nnew:\n%s", difference(before, after), difference(after, before))
	}
}

func TestUpFromManyAtOnce(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	errs := make([]error, 4)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = migrations.Up(t.Context(), url) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	up(t, url)
}

// The user's own search_path and tables must neither matter nor be touched.
func TestUsersOwnDatabase(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	conn := open(t, url)
	execute(t, conn, `CREATE SCHEMA app`)
	execute(t, conn, `CREATE TABLE public.schema_migrations (version bigint NOT NULL, dirty boolean NOT NULL)`)
	execute(t, conn, `INSERT INTO public.schema_migrations VALUES (7, true)`)
	execute(t, conn, `CREATE TABLE app.tasks (mine int)`)
	up(t, url+"&search_path=app")
	var version, tables int
	err := conn.QueryRow(t.Context(), `SELECT (SELECT version FROM public.schema_migrations),
		(SELECT count(*) FROM pg_class WHERE relnamespace IN ('app'::regnamespace, 'public'::regnamespace))`).Scan(&version, &tables)
	if err != nil || version != 7 || tables != 2 {
		t.Fatalf("the user's version is %d, tables %d, error %v; want 7 and 2", version, tables, err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	execute(t, open(t, url), `UPDATE freshet.schema_migrations SET version = 999999`)
	if err := migrations.Up(t.Context(), url); !errors.Is(err, migrations.ErrNewer) {
		t.Fatalf("up: %v", err)
	}
	if err := migrations.Down(t.Context(), url, 1); !errors.Is(err, migrations.ErrNewer) {
		t.Fatalf("down: %v", err)
	}
}

func TestCancelledBeforeTheFirstFile(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the machine is going down")
	holder := open(t, url)
	execute(t, holder, fmt.Sprintf(`SELECT pg_advisory_lock(%d)`, migrations.GuardKey)) // another process migrates
	done := make(chan error)
	go func() { done <- migrations.Up(ctx, url) }()
	awaitBlocked(t, url)
	cancel(reason)
	if err := <-done; err == nil {
		t.Fatal("up did nothing and says it is done")
	}
	if version, _, err := migrations.Version(t.Context(), url); err != nil || version != 0 {
		t.Fatalf("version %d, error %v; want 0", version, err)
	}
}

// A cancel in the middle finishes the file that runs and begins no other.
func TestCancelledBetweenFiles(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	holder := open(t, url)
	execute(t, holder, `BEGIN; CREATE SCHEMA river`) // blocks the first file
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the machine is going down")
	done := make(chan error)
	go func() { done <- migrations.Up(ctx, url) }()
	awaitBlocked(t, url)
	cancel(reason)
	execute(t, holder, `ROLLBACK`)
	if err := <-done; !errors.Is(err, reason) {
		t.Fatalf("got %v, want the cause", err)
	}
	if version, dirty, err := migrations.Version(t.Context(), url); err != nil || dirty || version != 1 {
		t.Fatalf("version %d, dirty %v, error %v; want 1", version, dirty, err)
	}
	up(t, url)
}

// awaitBlocked waits until a session of the database waits for a lock.
func awaitBlocked(t *testing.T, url string) {
	t.Helper()
	await(t, url, `SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock')`)
}
