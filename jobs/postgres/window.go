package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// nobody is what no owner is called: jobs.ValidOwner wants names that can be printed.
const nobody = "\n"

type ownerKey struct{}

// As narrows what is read with a context to one owner's rows, where there is a wall (Store.Narrows). What
// is written, it does not narrow.
func As(ctx context.Context, owner string) context.Context {
	if owner == "" {
		owner = nobody
	}
	return context.WithValue(ctx, ownerKey{}, owner)
}

// AsEverybody takes As back.
func AsEverybody(ctx context.Context) context.Context {
	return context.WithValue(ctx, ownerKey{}, "")
}

// ownerOf is whose rows a context is for; empty: everybody's.
func ownerOf(ctx context.Context) string {
	owner, _ := ctx.Value(ownerKey{}).(string)
	return owner
}

// Narrows tells whether what is read with a context can be less than there is.
func (s *Store) Narrows(ctx context.Context) bool { return s.window.narrows(ctx) }

// window is what reads see of the database: of one owner's rows or everybody's, as their context says. The
// owner is named in the transaction of the read itself, so that no session remembers it: a pooler may give
// that to anybody next.
type window struct {
	pool   *pgxpool.Pool
	walled bool // row-level security holds for this role: it does not own the tables
}

// openWindow looks whether there is a wall.
func openWindow(ctx context.Context, pool *pgxpool.Pool) (window, error) {
	w := window{pool: pool}
	err := pool.QueryRow(ctx, `SELECT coalesce(row_security_active(to_regclass('freshet.tasks')), false)`).Scan(&w.walled)
	return w, err
}

func (w window) narrows(ctx context.Context) bool { return w.walled && ownerOf(ctx) != "" }

// narrow names the owner, if there is one to be named, to the rest of a batch's transaction.
func (w window) narrow(ctx context.Context, batch *pgx.Batch) {
	if w.narrows(ctx) {
		batch.Queue(`SELECT set_config('freshet.owner', $1, true)`, ownerOf(ctx))
	}
}

// Query runs a statement that reads, in one round trip.
func (w window) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if !w.narrows(ctx) {
		return w.pool.Query(ctx, sql, args...)
	}
	batch := &pgx.Batch{}
	w.narrow(ctx, batch)
	batch.Queue(sql, args...)
	results := w.pool.SendBatch(ctx, batch)
	_, err := results.Exec()
	if err != nil {
		_ = results.Close() // says the same
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return &narrowRows{Rows: rows, results: results}, nil
}

// QueryRow runs a statement that reads one row.
func (w window) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if !w.narrows(ctx) {
		return w.pool.QueryRow(ctx, sql, args...)
	}
	rows, err := w.Query(ctx, sql, args...)
	return narrowRow{rows, err}
}

// narrowRows gives the connection back when they are closed.
type narrowRows struct {
	pgx.Rows

	results pgx.BatchResults
	closed  error
}

func (r *narrowRows) Close() {
	r.Rows.Close()
	r.closed = errors.Join(r.closed, r.results.Close())
}

func (r *narrowRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.closed
}

type narrowRow struct {
	rows pgx.Rows
	err  error
}

func (r narrowRow) Scan(targets ...any) error {
	if r.err != nil {
		return r.err
	}
	_, err := pgx.CollectExactlyOneRow(r.rows, func(row pgx.CollectableRow) (struct{}, error) {
		return struct{}{}, row.Scan(targets...)
	})
	return err
}
