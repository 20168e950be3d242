package postgrestest

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"freshet/migrations"
)

// Role makes a role that owns nothing, and returns the URL of a test's database for it. It is dropped when
// the test ends.
func Role(t testing.TB, database string) string {
	t.Helper()
	name, password := "test_"+strings.ToLower(rand.Text()), rand.Text()
	if err := execute(database, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"'"); err != nil {
		t.Fatalf("postgrestest: create role: %v", err)
	}
	t.Cleanup(func() {
		for _, statement := range []string{"DROP OWNED BY " + name, "DROP ROLE " + name} {
			if err := execute(database, statement); err != nil {
				t.Errorf("postgrestest: drop role: %v", err)
			}
		}
	})
	u, err := url.Parse(database)
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

// Granted returns the URL of a migrated test's database for a role that may do all of Freshet's work and
// owns none of its tables.
func Granted(t testing.TB, database string) string {
	t.Helper()
	address := Role(t, database)
	u, err := url.Parse(address)
	if err == nil {
		err = migrations.Grant(context.Background(), database, u.User.Username())
	}
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	return address
}
