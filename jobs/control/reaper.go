package control

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
)

const (
	// lookTimeout bounds one look at the workers.
	lookTimeout = 5 * time.Second
	// mendEvery is how long what somebody does to River's rows can hold an attempt up.
	mendEvery = 10 * time.Second
)

// Reaper takes what dead workers held and gives it to others, and what somebody took out of River's hands. Create it with NewReaper.
type Reaper struct {
	bell // rung when somebody may have seen a worker die

	store   *postgres.Store
	metrics *metrics.Replica
	logger  *slog.Logger
	vigil   vigil
	mended  time.Time // when River's rows were last looked at
}

// NewReaper makes a Reaper; Run starts it. What it does is counted by metrics, which may be nil.
func NewReaper(store *postgres.Store, counted *metrics.Replica, logger *slog.Logger) *Reaper {
	return &Reaper{bell: newBell(), store: store, metrics: counted, logger: logger}
}

// Run looks every few seconds until ctx ends. A database that is away is waited for.
func (r *Reaper) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	r.vigil.breakOff() // of a run before this one
	for {
		if err := r.look(ctx); err != nil {
			r.vigil.breakOff()
			if ctx.Err() == nil {
				r.logger.Warn("the reaper could not look; its vigil begins anew", "error", err)
			}
		}
		r.takeOver(ctx)
		r.mend(ctx)
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
		case <-r.bell:
			r.takeOver(ctx)
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
	r.metrics.WorkersLost(buried)
	if buried > 0 {
		r.logger.Warn("workers are silent and count as dead", "workers", buried)
	}
	return nil
}

// takeOver queues what dead workers ran, or had fetched.
func (r *Reaper) takeOver(ctx context.Context) {
	err := errors.Join(drain(ctx, r.reap), drain(ctx, r.store.Requeue))
	if err != nil && ctx.Err() == nil {
		r.logger.Warn("the reaper could not take over; the next look does it", "error", err)
	}
}

// mend heals, every few looks, what somebody has done to River's tables by hand.
func (r *Reaper) mend(ctx context.Context) {
	now := time.Now()
	if now.Sub(r.mended) < mendEvery {
		return
	}
	r.mended = now
	resumed, pausing := r.store.ResumeQueues(ctx)
	if len(resumed) > 0 {
		r.logger.Warn("queues were paused in River, and are resumed; pause the pool instead", "queues", resumed)
	}
	err := errors.Join(pausing, drain(ctx, r.store.Mend))
	if err != nil && ctx.Err() == nil {
		r.logger.Warn("the reaper could not mend River's rows; the next time does it", "error", err)
	}
}

// reap is the Store's, counted.
func (r *Reaper) reap(ctx context.Context, limit int) (int, error) {
	reaped, err := r.store.Reap(ctx, limit)
	r.metrics.TakenOver(reaped)
	return reaped, err
}
