package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"freshet/jobs/postgres"
)

// database is how to reach the database. direct is a real session, which LISTEN and migrations need; it
// is empty where only a transaction pooler can be reached.
type database struct {
	url, direct string
	pooled      bool
}

// noDirect is the direct address of a database that has none.
const noDirect = "none"

var errNoDatabase = errors.New("DATABASE_URL is not set: give the address of a PostgreSQL database, " +
	"or run freshet dev, which brings its own")

var errNoSession = errors.New("this needs a session of its own: set DATABASE_DIRECT_URL to an address of the database that is no pooler")

// database reads the addresses. FRESHET_DATABASE_URL goes before DATABASE_URL, for programs that must
// hand the user's own DATABASE_URL on to commands. A direct address that differs from the other one
// means that the other one is a pooler.
func (a *app) database() (database, error) {
	db := database{url: a.firstEnv("FRESHET_DATABASE_URL", "DATABASE_URL")}
	if db.url == "" {
		return db, &exitError{exitConfig, errNoDatabase}
	}
	db.direct = a.firstEnv("FRESHET_DATABASE_DIRECT_URL", "DATABASE_DIRECT_URL")
	db.pooled = db.direct != "" && db.direct != db.url
	switch db.direct {
	case "":
		db.direct = db.url
	case noDirect:
		db.direct = ""
	}
	return db, nil
}

// session is the direct address, for what cannot be done without.
func (db database) session() (string, error) {
	if db.direct == "" {
		return "", &exitError{exitConfig, errNoSession}
	}
	return db.direct, nil
}

// startupRefused is what a pooler answers to run-time parameters: connection_exception's
// protocol_violation.
const startupRefused = "08P01"

// open connects. connections bounds how many are used at once.
func (a *app) open(ctx context.Context, db database, name string, connections int32) (*postgres.Store, error) {
	return a.openFor(ctx, db, name, connections, nil)
}

// apiName is what the sessions of an API replica are called; the one that listens has a word more.
const apiName = "freshet api"

// openFor opens it for somebody who is told whenever it is used.
func (a *app) openFor(ctx context.Context, db database, name string, connections int32, used func(context.Context)) (*postgres.Store, error) {
	store, err := postgres.Open(ctx, postgres.Options{
		URL: db.url, Pooled: db.pooled, MaxConnections: connections, Name: name, Logger: a.logger, Used: used,
	})
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == startupRefused && !db.pooled:
		return nil, &exitError{exitConfig, fmt.Errorf("%w; if that is a pooler, set DATABASE_DIRECT_URL to the database's own address, "+
			"or to %s where there is no way to it", err, noDirect)}
	case errors.Is(err, postgres.ErrOutdated):
		return nil, err // who tries again may find it migrated
	case errors.Is(err, postgres.ErrContracted):
		return nil, &exitError{exitConfig, err}
	case err != nil:
		return nil, &exitError{exitConnection, err}
	}
	return store, nil
}
