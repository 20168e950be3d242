package cmd

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"freshet/config"
	"freshet/jobs/postgres"
	"freshet/migrations"
)

// doctorTimeout bounds each look at the database.
const doctorTimeout = 10 * time.Second

// finding is the result of one check.
type finding struct {
	what string
	bad  bool
	mend string // what to do; empty when all is well
}

func (a *app) doctorCommand() *cobra.Command {
	var path string
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the settings and the database, and say how to mend it",
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), path) },
	}
	configFlag(command, &path)
	return command
}

func (a *app) doctor(ctx context.Context, path string) error {
	settings, findings := a.examineSettings(path)
	findings = append(findings, a.examineDatabase(ctx, settings != nil && settings.Server.DBSleep)...)
	failed := 0
	for _, f := range findings {
		switch {
		case f.mend == "":
			fmt.Fprintf(a.Stdout, "ok    %s\n", f.what)
		case f.bad:
			failed++
			fmt.Fprintf(a.Stdout, "BAD   %s\n      %s\n", f.what, f.mend)
		default:
			fmt.Fprintf(a.Stdout, "warn  %s\n      %s\n", f.what, f.mend)
		}
	}
	if failed > 0 {
		return &exitError{exitFailed, fmt.Errorf("%d of %d checks failed", failed, len(findings))}
	}
	return nil
}

// examineSettings answers no settings when they are wrong.
func (a *app) examineSettings(path string) (*config.Config, []finding) {
	settings, err := a.settings(path)
	if err != nil {
		return nil, []finding{{"freshet.yaml", true, err.Error()}}
	}
	findings := []finding{{what: fmt.Sprintf("%s: %d kinds, %d pools", settings.Path, len(settings.Kinds), len(settings.Pools))}}
	for _, pool := range settings.Pools {
		if err := variablesSet(settings, pool.Name, a.Lookup); err != nil {
			findings = append(findings, finding{"variables of pool " + pool.Name, false, "a worker started here would refuse: " + err.Error()})
		}
	}
	return settings, slices.Concat(findings, examineChildren(settings), examineSandboxes(settings))
}

func (a *app) examineDatabase(ctx context.Context, sleeps bool) []finding {
	db, err := a.database()
	if err != nil {
		return []finding{{"database", true, err.Error()}}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	conn, err := connect(ctx, cmp.Or(db.direct, db.url))
	if err != nil {
		return []finding{{"database", true, err.Error()}}
	}
	defer conn.Close(context.WithoutCancel(ctx))
	findings := []finding{
		examineVersion(ctx, conn),
		examineSetting(ctx, conn, "fsync", true, "on", "a crash of its machine may lose or corrupt tasks: turn it on"),
		examineSetting(ctx, conn, "synchronous_commit", true, "on|local|remote_write|remote_apply",
			"a crash of the server loses tasks that were acknowledged: turn it on"),
		examineListen(ctx, conn, db),
		examineRole(ctx, conn),
	}
	if sleeps {
		findings = append(findings, examineSleep(ctx, conn))
	}
	return append(findings, examineMigrations(ctx, db))
}

// connect asks for nothing that a pooler would refuse.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return pgx.ConnectConfig(ctx, config)
}

// oldestPostgres is the first major version whose features are used.
const oldestPostgres = 14

func examineVersion(ctx context.Context, conn *pgx.Conn) finding {
	var number int
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&number); err != nil {
		return finding{"PostgreSQL", true, err.Error()}
	}
	f := finding{what: fmt.Sprintf("PostgreSQL %d", number/10000)}
	if number/10000 < oldestPostgres {
		f.bad, f.mend = true, fmt.Sprintf("Freshet needs version %d or newer", oldestPostgres)
	}
	return f
}

func examineSetting(ctx context.Context, conn *pgx.Conn, name string, bad bool, wanted, mend string) finding {
	var value string
	if err := conn.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
		return finding{name, true, err.Error()}
	}
	f := finding{what: name + " is " + value}
	if !strings.Contains("|"+wanted+"|", "|"+value+"|") {
		f.bad, f.mend = bad, mend
	}
	return f
}

// examineRole tells whether row-level security stands behind the API's own checks. It need not.
func examineRole(ctx context.Context, conn *pgx.Conn) finding {
	var role string
	var tables, walled bool
	err := conn.QueryRow(ctx, `SELECT current_user, to_regclass('freshet.tasks') IS NOT NULL,
		coalesce(row_security_active(to_regclass('freshet.tasks')), false)`).Scan(&role, &tables, &walled)
	f := finding{what: "role " + visible(role)}
	switch {
	case err != nil:
		f.bad, f.mend = true, err.Error()
	case walled:
		f.what += ": row-level security stands behind the API's checks"
	case tables:
		f.what += " is above row-level security: the API's checks stand alone"
	}
	return f
}

// examineSleep counts the API replicas that are awake: the database can only sleep while each of them does.
func examineSleep(ctx context.Context, conn *pgx.Conn) finding {
	var replicas int
	err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`,
		postgres.ListenerName(apiName)).Scan(&replicas)
	f := finding{what: fmt.Sprintf("dbSleep, with %d API replicas awake", replicas)}
	switch {
	case err != nil:
		f.bad, f.mend = true, err.Error()
	case replicas > 1:
		f.mend = "a database sleeps only while all replicas do, and one that sleeps does not see what the others change: run one, or turn dbSleep off"
	}
	return f
}

// examineListen notifies one session through another, as replicas do: a transaction pooler would not
// deliver it.
func examineListen(ctx context.Context, conn *pgx.Conn, db database) finding {
	f := finding{what: "LISTEN/NOTIFY"}
	const late = "hints do not arrive, so everything works but comes later: set DATABASE_DIRECT_URL to an address of the same " +
		"database that is no pooler"
	if db.direct == "" {
		f.mend = late
	} else if err := exchange(ctx, conn, db.url); err != nil {
		f.mend = late + " (" + err.Error() + ")"
	}
	return f
}

func exchange(ctx context.Context, conn *pgx.Conn, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	other, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer other.Close(context.WithoutCancel(ctx))
	channel := "freshet_doctor_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	if _, err := other.Exec(ctx, "NOTIFY "+channel); err != nil {
		return err
	}
	_, err = conn.WaitForNotification(ctx)
	return err
}

func examineMigrations(ctx context.Context, db database) finding {
	if db.direct == "" {
		return finding{what: "migrations", mend: "not looked at: " + errNoSession.Error()}
	}
	version, dirty, err := migrations.Version(ctx, db.direct)
	f := finding{what: fmt.Sprintf("migrations: database %d, program %d", version, migrations.Latest())}
	switch {
	case err != nil:
		f.bad, f.mend = true, err.Error()
	case dirty || version < migrations.Latest():
		f.bad, f.mend = true, "run freshet migrate up"
	case version > migrations.Latest():
		f.bad, f.mend = true, "the database is newer than this program: use the newer program"
	}
	return f
}
