package migrations_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"freshet/jobs/postgres/postgrestest"
	"freshet/migrations"
)

func roleOf(t *testing.T, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return config.User
}

func TestGrant(t *testing.T) {
	t.Parallel()
	owner := postgrestest.New(t)
	address := postgrestest.Granted(t, owner)
	role := roleOf(t, address)
	if err := migrations.Grant(t.Context(), owner, role); err != nil {
		t.Errorf("granted again: %v", err)
	}
	if version, dirty, err := migrations.Version(t.Context(), address); err != nil || dirty || version != migrations.Latest() {
		t.Errorf("the role reads version %d, dirty %v, error %v", version, dirty, err)
	}
	// What a later migration makes is granted too.
	execute(t, open(t, owner), `CREATE TABLE freshet.later (id bigserial PRIMARY KEY);
		CREATE FUNCTION freshet.later() RETURNS int LANGUAGE sql AS 'SELECT 1';
		REVOKE EXECUTE ON FUNCTION freshet.later() FROM PUBLIC`)
	conn := open(t, address)
	execute(t, conn, `INSERT INTO freshet.later DEFAULT VALUES; SELECT freshet.later()`)
	for _, statement := range []string{
		`INSERT INTO freshet.schema_versions (version) VALUES (9999)`, `UPDATE freshet.schema_migrations SET dirty = true`,
		`DROP TABLE freshet.later`, `TRUNCATE freshet.tasks`, `CREATE TABLE freshet.mine ()`, `ALTER TABLE freshet.tasks DISABLE ROW LEVEL SECURITY`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err == nil {
			t.Errorf("the role may: %s", statement)
		}
	}
}

func TestGrantIsRefused(t *testing.T) {
	t.Parallel()
	owner := postgrestest.New(t)
	granted, other := postgrestest.Granted(t, owner), postgrestest.Role(t, owner)
	for name, test := range map[string]struct {
		url, role string
		want      error
	}{
		"a role that there is not": {owner, "nobody; DROP SCHEMA freshet", migrations.ErrNoRole},
		"the owner":                {owner, roleOf(t, owner), migrations.ErrNoWall},
		"by another role":          {granted, roleOf(t, other), migrations.ErrNotOwner},
	} {
		if err := migrations.Grant(t.Context(), test.url, test.role); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
