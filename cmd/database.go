package cmd

import (
	"context"
	"errors"

	"freshet/jobs/postgres"
)

// database is how to reach the database. direct is a real session, which LISTEN needs; it is empty
// where only a transaction pooler can be reached.
type database struct {
	url, direct string
	pooled      bool
}

var errNoDatabase = errors.New("DATABASE_URL is not set: give the address of a PostgreSQL database, " +
	"or run freshet dev, which brings its own")

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
	if db.direct == "" {
		db.direct = db.url
	}
	return db, nil
}

// open connects. connections bounds how many are used at once.
func (a *app) open(ctx context.Context, db database, name string, connections int32) (*postgres.Store, error) {
	store, err := postgres.Open(ctx, postgres.Options{
		URL: db.url, Pooled: db.pooled, MaxConnections: connections, Name: name, Logger: a.logger,
	})
	if err != nil {
		return nil, &exitError{exitConnection, err}
	}
	return store, nil
}
