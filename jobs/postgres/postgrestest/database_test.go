package postgrestest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"freshet/migrations"
)

func TestNewIsMigrated(t *testing.T) {
	t.Parallel()
	version, dirty, err := migrations.Version(t.Context(), New(t))
	if err != nil || dirty || version != migrations.Latest() {
		t.Fatalf("version %d, dirty %v, error %v; want %d", version, dirty, err, migrations.Latest())
	}
}

func TestEmptyIsNot(t *testing.T) {
	t.Parallel()
	version, _, err := migrations.Version(t.Context(), Empty(t))
	if err != nil || version != 0 {
		t.Fatalf("version %d, error %v; want 0", version, err)
	}
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	one, other := connect(t, New(t)), connect(t, New(t))
	if _, err := one.Exec(t.Context(), `CREATE TABLE public.mine ()`); err != nil {
		t.Fatal(err)
	}
	var there bool
	err := other.QueryRow(t.Context(), `SELECT to_regclass('public.mine') IS NOT NULL`).Scan(&there)
	if err != nil || there {
		t.Fatalf("the other test's table is seen: %v, error %v", there, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	urls := make([]string, 16)
	var all sync.WaitGroup
	for i := range urls {
		all.Go(func() { urls[i] = New(t) })
	}
	all.Wait()
	seen := make(map[string]bool)
	for _, url := range urls {
		if seen[url] || url == "" {
			t.Fatalf("%q was given twice", url)
		}
		seen[url] = true
	}
}

// A test that forgets a connection must not keep its database.
//
//nolint:tparallel // the outer test waits for the inner one
func TestDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	var name string
	ok := t.Run("a test", func(t *testing.T) {
		config, err := pgx.ParseConfig(New(t))
		if err != nil {
			t.Fatal(err)
		}
		name = config.Database
		forgotten, err := pgx.ConnectConfig(context.WithoutCancel(t.Context()), config)
		if err != nil {
			t.Fatal(err)
		}
		if !databaseExists(t, name) {
			t.Fatalf("%s does not exist while its test runs", name)
		}
		_ = forgotten
	})
	if ok && databaseExists(t, name) {
		t.Fatalf("%s outlived its test", name)
	}
}

// A server given from outside gets the template, and keeps it for the next test program.
func TestGivenServer(t *testing.T) {
	owner, _, err := shared.ready()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("FRESHET_TEST_DATABASE_URL", owner)
	var given server
	for range 2 {
		admin, copying, err := given.ready()
		if err != nil || admin != owner || copying != "" {
			t.Fatalf("got %q, %q, %v", admin, copying, err)
		}
		if given.stop != nil {
			t.Fatal("a server that is not ours would be stopped")
		}
	}
	if !databaseExists(t, templateName()) {
		t.Fatal("there is no template")
	}
}

func TestBrokenServerFails(t *testing.T) {
	t.Setenv("FRESHET_TEST_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	var given server
	if _, _, err := given.ready(); err == nil || !strings.Contains(err.Error(), "connect") {
		t.Fatalf("got %v", err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func databaseExists(t *testing.T, name string) (there bool) {
	t.Helper()
	admin, _, err := shared.ready()
	if err != nil {
		t.Fatal(err)
	}
	const query = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := connect(t, admin).QueryRow(t.Context(), query, name).Scan(&there); err != nil {
		t.Fatal(err)
	}
	return there
}

func BenchmarkNew(b *testing.B) {
	New(b) // the server starts
	for b.Loop() {
		New(b)
	}
}
