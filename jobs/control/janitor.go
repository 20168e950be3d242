package control

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"freshet/jobs"
	"freshet/jobs/postgres"
)

const (
	// cleanEvery is how often what is old is removed.
	cleanEvery = time.Hour
	// mourning is how long a dead worker is remembered.
	mourning = time.Hour
	// oldTurn is how long it is remembered when an owner had the last turn.
	oldTurn = 24 * time.Hour
	// oldUnit is how long it is remembered what was started: what a day may cost is reckoned from it.
	oldUnit = 30 * 24 * time.Hour
	// oldAct is how long it is kept who changed what.
	oldAct = 365 * 24 * time.Hour
)

// Janitor removes what is kept no longer. Create it with NewJanitor.
type Janitor struct {
	store     *postgres.Store
	logger    *slog.Logger
	retention func() jobs.Retention
	cleaned   atomic.Pointer[time.Time] // when it last did; nil: never
}

// NewJanitor makes a Janitor, which asks each time how long things are kept; Run starts it.
func NewJanitor(store *postgres.Store, logger *slog.Logger, retention func() jobs.Retention) *Janitor {
	return &Janitor{store: store, logger: logger, retention: retention}
}

// Run cleans at once, unless it did so within the hour, and then every hour, until ctx ends. What fails is done the
// next time.
func (j *Janitor) Run(ctx context.Context) error {
	timer := time.NewTimer(j.rest())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		j.run(ctx)
		timer.Reset(j.rest())
	}
}

// run cleans, unless ctx ends meanwhile.
func (j *Janitor) run(ctx context.Context) {
	err := j.Clean(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		j.logger.Warn("not everything old was removed; the next hour does it", "error", err)
	}
	now := time.Now()
	j.cleaned.Store(&now)
}

// rest is how long it is until it is time to clean.
func (j *Janitor) rest() time.Duration {
	if cleaned := j.cleaned.Load(); cleaned != nil {
		return time.Until(cleaned.Add(cleanEvery))
	}
	return 0
}

// next is how long it is until there may be something to remove, and it is time to; false when there never will be.
func (j *Janitor) next(ctx context.Context) (time.Duration, bool, error) {
	due, some, err := j.store.NextRemoval(ctx, j.retention(), oldAct)
	return max(due, j.rest()), some, err
}

// Clean removes what is too old now.
func (j *Janitor) Clean(ctx context.Context) error {
	kept := j.retention()
	failures := []error{
		j.store.ForgetWorkers(ctx, mourning), j.store.ForgetTurns(ctx, oldTurn), j.store.ForgetExpired(ctx), j.store.ForgetUnits(ctx, oldUnit),
		drain(ctx, func(ctx context.Context, limit int) (int, error) { return j.store.RemoveOldActs(ctx, oldAct, limit) }),
	}
	if kept.Tasks > 0 {
		failures = append(failures, drain(ctx, func(ctx context.Context, limit int) (int, error) {
			return j.store.RemoveOld(ctx, kept.Tasks, limit)
		}), drain(ctx, func(ctx context.Context, limit int) (int, error) {
			return j.store.RemoveOldDeliveries(ctx, kept.Tasks, limit)
		}))
	}
	if kept.Artifacts > 0 {
		failures = append(failures, drain(ctx, func(ctx context.Context, limit int) (int, error) {
			return j.store.RemoveOldArtifacts(ctx, kept.Artifacts, limit)
		}))
	}
	if kept.Logs > 0 {
		_, err := j.store.DropLogs(ctx, kept.Logs)
		failures = append(failures, err)
	}
	_, err := j.store.DropDays(ctx)
	return errors.Join(append(failures, err)...)
}
