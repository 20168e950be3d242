package api

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"freshet/jobs"
	"freshet/jobs/document"
	"freshet/jobs/kind"
	"freshet/jobs/postgres"
)

const (
	// catalogueEvery is how long another replica's change of a kind can go unnoticed.
	catalogueEvery = 5 * time.Second
	// catalogueFresh is how old the catalogue may be for a name that it lacks to be refused, so that
	// wrong names do not become one query each.
	catalogueFresh = time.Second
)

// catalogue knows the current kinds, compiled.
type catalogue struct {
	store  *postgres.Store
	logger *slog.Logger

	wake    chan struct{}
	loading sync.Mutex // one load at a time
	current atomic.Pointer[edition]
}

// edition is the kinds as they were at one time, and whether there was a maintenance. It is immutable.
type edition struct {
	kinds       map[string]entry
	maintenance *jobs.Maintenance
	at          time.Time
}

// entry is one kind, ready to take submits.
type entry struct {
	*kind.Kind
	revision string
	paused   bool
}

// get finds a kind that tasks may be submitted of; the error is a problem that points at it when there is
// none.
func (c *catalogue) get(ctx context.Context, name string) (entry, error) {
	if known := c.current.Load(); known != nil {
		if err := maintained(known.maintenance); err != nil {
			return entry{}, err
		}
		if found, ok := known.kinds[name]; ok {
			return found, nil
		}
	}
	if err := c.refresh(ctx, catalogueFresh); err != nil {
		return entry{}, err
	}
	known := c.current.Load()
	if err := maintained(known.maintenance); err != nil {
		return entry{}, err
	}
	found, ok := known.kinds[name]
	if !ok {
		hint := document.Suggestion(name, slices.Collect(maps.Keys(known.kinds)))
		return entry{}, newProblem(codeUnknownKind, "", fault{"/kind", string(codeUnknownKind), "is not a known kind" + hint})
	}
	return found, nil
}

// refresh reads the kinds unless that was done within the given time.
func (c *catalogue) refresh(ctx context.Context, within time.Duration) error {
	c.loading.Lock()
	defer c.loading.Unlock()
	before := c.current.Load()
	if before != nil && time.Since(before.at) < within {
		return nil
	}
	now := time.Now()
	statuses, err := c.store.Kinds(ctx)
	if err != nil {
		return err
	}
	settings, err := c.store.Settings(ctx)
	if err != nil {
		return err
	}
	next := &edition{kinds: make(map[string]entry, len(statuses)), maintenance: settings.Maintenance, at: now}
	for _, status := range statuses {
		compiled, err := before.compile(status)
		if err != nil {
			c.logger.Error("a kind in the database is not usable", "kind", status.Name, "error", err)
			continue
		}
		next.kinds[status.Name] = entry{compiled, status.Revision, status.PausedAt != nil}
	}
	c.current.Store(next)
	return nil
}

// compile makes a kind ready, unless the edition has this revision already.
func (e *edition) compile(status jobs.KindStatus) (*kind.Kind, error) {
	if e != nil {
		if known, ok := e.kinds[status.Name]; ok && known.revision == status.Revision {
			return known.Kind, nil
		}
	}
	compiled, err := kind.Compile(status.Kind)
	if err != nil {
		return nil, fmt.Errorf("compile kind %s: %w", status.Name, err)
	}
	return compiled, nil
}

// load reads the kinds now.
func (c *catalogue) load(ctx context.Context) error { return c.refresh(ctx, 0) }

// look has run read the kinds at once. It never blocks.
func (c *catalogue) look() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run reads the kinds again and again until ctx ends.
func (c *catalogue) run(ctx context.Context) error {
	ticker := time.NewTicker(catalogueEvery)
	defer ticker.Stop()
	for {
		if err := c.load(ctx); err != nil && ctx.Err() == nil {
			c.logger.Warn("the kinds could not be read; the known ones stay", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		case <-ticker.C:
		}
	}
}
