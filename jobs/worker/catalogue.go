package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/postgres"
)

// revision names one revision of a kind. It never changes, so it is read and compiled once.
type revision struct{ name, hash string }

type catalogue struct {
	store *postgres.Store

	mu       sync.Mutex
	compiled map[revision]*kind.Kind
}

// unusableError: the revision is not there, or does not compile. Trying again would not help.
type unusableError struct{ err error }

func (e *unusableError) Error() string { return e.err.Error() }
func (e *unusableError) Unwrap() error { return e.err }

func (c *catalogue) get(ctx context.Context, name, hash string) (*kind.Kind, error) {
	c.mu.Lock()
	compiled, known := c.compiled[revision{name, hash}]
	c.mu.Unlock()
	if known {
		return compiled, nil
	}
	spec, err := c.store.KindRevision(ctx, name, hash)
	switch {
	case errors.Is(err, jobs.ErrNotFound):
		return nil, &unusableError{err}
	case err != nil:
		return nil, err
	}
	if compiled, err = kind.Compile(spec); err != nil {
		return nil, &unusableError{fmt.Errorf("compile kind %s: %w", name, err)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.compiled[revision{name, hash}] = compiled
	return compiled, nil
}
