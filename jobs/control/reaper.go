package control

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"freshet/jobs/postgres"
)

const (
	// mourning is how long a dead worker is remembered.
	mourning = time.Hour
	// lookTimeout bounds one look at the workers.
	lookTimeout = 5 * time.Second
)

// Reaper takes what dead workers held and gives it to others. Create it with NewReaper.
type Reaper struct {
	store  *postgres.Store
	logger *slog.Logger
	wake   chan struct{}
	vigil  vigil
}

// NewReaper makes a Reaper; Run starts it.
func NewReaper(store *postgres.Store, logger *slog.Logger) *Reaper {
	return &Reaper{store: store, logger: logger, wake: make(chan struct{}, 1)}
}

// Wake has the Reaper look at once: somebody may have seen a worker die. It never blocks.
func (r *Reaper) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run looks every few seconds until ctx ends. A database that is away is waited for.
func (r *Reaper) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := r.look(ctx); err != nil {
			r.vigil.breakOff()
			if ctx.Err() == nil {
				r.logger.Warn("the reaper could not look; its vigil begins anew", "error", err)
			}
		}
		if err := r.takeOver(ctx); err != nil && ctx.Err() == nil {
			r.logger.Warn("the reaper could not take over; the next look does it", "error", err)
		}
		if !r.rest(ctx, ticker.C) {
			return nil
		}
	}
}

// rest waits for the next look. A wake takes over what is known already without one, since the vigil
// counts on looks that are not closer together.
func (r *Reaper) rest(ctx context.Context, next <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-next:
			return true
		case <-r.wake:
			if err := r.takeOver(ctx); err != nil && ctx.Err() == nil {
				r.logger.Warn("the reaper could not take over; the next look does it", "error", err)
			}
		}
	}
}

// look buries the workers that are dead.
func (r *Reaper) look(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	began := time.Now()
	vitals, err := r.store.Vitals(limited)
	if err != nil {
		return err
	}
	dead := r.vigil.judge(began, time.Now(), vitals)
	if len(dead) == 0 {
		return nil
	}
	buried, err := r.store.Bury(limited, dead)
	if err != nil {
		return err
	}
	if buried > 0 {
		r.logger.Warn("workers are silent and count as dead", "workers", buried)
	}
	return nil
}

// takeOver queues what dead workers ran, or had fetched.
func (r *Reaper) takeOver(ctx context.Context) error {
	if err := drain(ctx, r.store.Reap); err != nil {
		return err
	}
	if err := drain(ctx, r.store.Requeue); err != nil {
		return err
	}
	if err := r.store.ForgetWorkers(ctx, mourning); err != nil {
		return fmt.Errorf("after a takeover: %w", err)
	}
	return nil
}
