package postgrestest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/migrations"
)

// patience bounds each step, so that a broken server fails a test instead of hanging it.
const patience = time.Minute

// New returns the URL of a fresh database with all migrations, for this test alone. It is dropped
// when the test ends, whoever is still connected.
func New(t testing.TB) string {
	t.Helper()
	return create(t, templateName())
}

// Empty returns the URL of a fresh database with nothing in it.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

func create(t testing.TB, template string) string {
	t.Helper()
	admin, copying, err := shared.ready()
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := execute(admin, "CREATE DATABASE "+name+" TEMPLATE "+template+copying); err != nil {
		t.Fatalf("postgrestest: create database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("postgrestest: drop database: %v", err)
		}
	})
	return withDatabase(admin, name)
}

// templateName is the name of the database that is copied for each test. It changes with the
// migrations.
func templateName() string { return "freshet_template_" + migrations.Hash()[:16] }

// ensureTemplate makes the template unless the server has it. It is made under another name, so that
// it is never seen half done.
func ensureTemplate(admin string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Several test programs may share the server.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext('freshet template'))`); err != nil {
		return fmt.Errorf("wait for another's template: %w", err)
	}
	var there bool
	const query = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, query, templateName()).Scan(&there); err != nil {
		return fmt.Errorf("look for the template: %w", err)
	}
	if there {
		return nil
	}
	draft := "freshet_draft_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+draft+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("create the template: %w", err)
	}
	if err := migrations.Up(ctx, withDatabase(admin, draft)); err != nil {
		_, _ = conn.Exec(ctx, "DROP DATABASE "+draft+" WITH (FORCE)")
		return err
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+templateName()); err != nil {
		return fmt.Errorf("name the template: %w", err)
	}
	return nil
}

// execute runs one statement on a connection of its own: a pool's goroutines would show up in every
// test that looks for leaks.
func execute(database, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// withDatabase returns the URL with another database in it.
func withDatabase(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // connecting will say what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}
