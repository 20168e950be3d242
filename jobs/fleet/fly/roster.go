package fly

import (
	"context"
	"sync"
	"time"
)

// roster is the list of a pool's machines, fetched once for all who want it at a time.
type roster struct {
	fetch func(context.Context) ([]machine, error)
	pace  *pace

	mu       sync.Mutex
	machines []machine
	begun    time.Time     // when the list was asked for; what is older is in it
	flight   chan struct{} // closed when the list that is under way is there; nil: none is
}

// since returns a list that was asked for at a time or later.
func (r *roster) since(ctx context.Context, at time.Time) ([]machine, error) {
	for {
		r.mu.Lock()
		flight := r.flight
		switch {
		case flight == nil && !r.begun.Before(at):
			defer r.mu.Unlock()
			return r.machines, nil
		case flight == nil:
			r.flight = make(chan struct{})
			r.mu.Unlock()
			if err := r.renew(ctx); err != nil {
				return nil, err
			}
			continue
		}
		r.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (r *roster) renew(ctx context.Context) error {
	var begun time.Time
	var machines []machine
	err := r.pace.wait(ctx, actionList, "")
	if err == nil {
		begun = time.Now()
		machines, err = r.fetch(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.flight)
	r.flight = nil
	if err == nil {
		r.machines, r.begun = machines, begun
	}
	return err
}
