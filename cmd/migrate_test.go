package cmd_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"freshet/jobs/postgres/postgrestest"
)

// TestContractedDatabase lets nobody in who is too old for it. The contraction stands in for one of a later release.
func TestContractedDatabase(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds)
	url := postgrestest.New(t)
	p.env = append(p.env, "DATABASE_URL="+url, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32))
	p.must(0, "migrate", "up", "--force") // nothing is to be forced
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `INSERT INTO freshet.schema_versions (version, oldest) VALUES (1000000, 1000000)`); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"api", "--addr", "127.0.0.1:0"}, {"worker", "--allow-root-children"}} {
		wantIn(t, p.must(78, args...).stderr, "this program is older than the database allows", "it allows 1000000 and later")
	}
}
