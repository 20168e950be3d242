package migrations_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// catalogueQuery lists all there is in our schemas, a line each.
const catalogueQuery = `
WITH ours AS (SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('freshet', 'river'))
SELECT format('relation %s kind %s persistence %s walled %s options %s', c.oid::regclass, c.relkind, c.relpersistence, c.relrowsecurity, c.reloptions)
  FROM pg_class c JOIN ours ON c.relnamespace = ours.oid
UNION ALL
SELECT format('column %s.%s %s %s null %s storage %s default %s', c.oid::regclass, a.attnum, a.attname,
       format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, a.attstorage, pg_get_expr(d.adbin, d.adrelid))
  FROM pg_class c JOIN ours ON c.relnamespace = ours.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT format('index %s', pg_get_indexdef(i.indexrelid))
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN ours ON c.relnamespace = ours.oid
UNION ALL
SELECT format('constraint %s on %s %s', conname, conrelid::regclass, pg_get_constraintdef(k.oid))
  FROM pg_constraint k JOIN ours ON k.connamespace = ours.oid
UNION ALL
SELECT format('function %s', pg_get_functiondef(p.oid))
  FROM pg_proc p JOIN ours ON p.pronamespace = ours.oid
UNION ALL
SELECT format('trigger %s', pg_get_triggerdef(g.oid))
  FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN ours ON c.relnamespace = ours.oid
 WHERE NOT g.tgisinternal
UNION ALL
SELECT format('value %s of %s at %s', e.enumlabel, e.enumtypid::regtype,
       row_number() OVER (PARTITION BY e.enumtypid ORDER BY e.enumsortorder))
  FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN ours ON t.typnamespace = ours.oid
UNION ALL
SELECT format('policy %s on %s for %s using %s check %s', p.polname, p.polrelid::regclass, p.polcmd,
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN ours ON c.relnamespace = ours.oid
UNION ALL
SELECT format('schema %s', nspname) FROM ours
ORDER BY 1`

// catalogue returns a text that two databases have in common if their schemas are the same.
func catalogue(t *testing.T, url string) string {
	t.Helper()
	rows, err := open(t, url).Query(t.Context(), catalogueQuery)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// difference returns the lines of one text that the other lacks.
func difference(one, other string) string {
	has := make(map[string]bool)
	for line := range strings.Lines(other) {
		has[strings.TrimSpace(line)] = true
	}
	var lacking []string
	for line := range strings.Lines(one) {
		if !has[strings.TrimSpace(line)] {
			lacking = append(lacking, strings.TrimSpace(line))
		}
	}
	return strings.Join(lacking, "\n")
}
