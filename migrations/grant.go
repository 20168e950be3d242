package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Errors of Grant.
var (
	ErrNoRole   = errors.New("there is no such role")
	ErrNotOwner = errors.New("only the owner of Freshet's tables can grant a role what is theirs")
	ErrNoWall   = errors.New("the role owns Freshet's tables, or is above row-level security: it needs no grant, and no wall holds it")
)

// grantSQL gives role %[1]s what the API and workers need. What comes with later migrations follows by itself.
const grantSQL = `
	GRANT USAGE ON SCHEMA %[2]s TO %[1]s;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %[2]s TO %[1]s;
	GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %[2]s TO %[1]s;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %[2]s TO %[1]s;
	ALTER DEFAULT PRIVILEGES IN SCHEMA %[2]s GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %[1]s;
	ALTER DEFAULT PRIVILEGES IN SCHEMA %[2]s GRANT USAGE, SELECT ON SEQUENCES TO %[1]s;
	ALTER DEFAULT PRIVILEGES IN SCHEMA %[2]s GRANT EXECUTE ON FUNCTIONS TO %[1]s;`

// Grant lets a role that there is do all of Freshet's work in a migrated database, without owning its
// tables: row-level security holds for it. The URL must be that of the tables' owner. It may be called
// again. Errors: ErrNoRole, ErrNotOwner, ErrNoWall.
func Grant(ctx context.Context, databaseURL, role string) error {
	conn, err := connect(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := grantable(ctx, tx, role); err != nil {
			return err
		}
		name := pgx.Identifier{role}.Sanitize()
		var statements strings.Builder
		for _, schema := range []string{"freshet", "river"} {
			fmt.Fprintf(&statements, grantSQL, name, schema)
		}
		// The record of migrations is the owner's alone.
		fmt.Fprintf(&statements, "REVOKE INSERT, UPDATE, DELETE ON freshet.schema_versions, freshet.schema_migrations FROM %s", name)
		_, err := tx.Exec(ctx, statements.String())
		return err
	})
	if err != nil {
		return fmt.Errorf("grant role %s: %w", role, err)
	}
	return nil
}

// grantable tells whether a role can be granted Freshet's work, and by whoever asks.
func grantable(ctx context.Context, tx pgx.Tx, role string) error {
	var mine, above bool
	err := tx.QueryRow(ctx, `SELECT pg_has_role(c.relowner, 'USAGE'), r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, c.relowner, 'USAGE')
		FROM pg_roles r, pg_class c WHERE r.rolname = $1 AND c.oid = 'freshet.tasks'::regclass`, role).Scan(&mine, &above)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNoRole
	case err != nil:
		return err
	case !mine:
		return ErrNotOwner
	case above:
		return ErrNoWall
	}
	return nil
}
