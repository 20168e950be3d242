package cmd

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"freshet/jobs/postgres"
)

// reloadEvery is how long a lost hint can delay a reload.
const reloadEvery = 10 * time.Second

// reloader reads freshet.yaml again when that is asked of all processes, and asks it of them when this
// one gets SIGHUP. A file that is wrong changes nothing.
type reloader struct {
	store  *postgres.Store
	logger *slog.Logger
	take   func(context.Context) error // reads the file, and makes it count; set before run
	wake   chan struct{}
}

func newReloader(store *postgres.Store, logger *slog.Logger) *reloader {
	return &reloader{store: store, logger: logger, wake: make(chan struct{}, 1)}
}

// look has it find out at once whether a reload is asked for. It never blocks.
func (r *reloader) look() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run waits until ctx ends. A database that is away is waited for: what was asked meanwhile is done
// then.
func (r *reloader) run(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	known := int64(-1)
	for {
		settings, err := r.store.Settings(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.logger.Warn("the settings could not be read", "error", err)
		case known >= 0 && settings.Reload != known:
			r.reload(ctx)
			known = settings.Reload
		default:
			known = settings.Reload
		}
		if !r.rest(ctx, ticker.C, hangups) {
			return nil
		}
	}
}

func (r *reloader) reload(ctx context.Context) {
	if err := r.take(ctx); err != nil {
		r.logger.Error("freshet.yaml was not reloaded; the settings before stay in force", "error", err)
		return
	}
	r.logger.Info("freshet.yaml was reloaded")
}

// rest waits for the next look. False: ctx has ended.
func (r *reloader) rest(ctx context.Context, tick <-chan time.Time, hangups <-chan os.Signal) bool {
	select {
	case <-ctx.Done():
		return false
	case <-r.wake:
	case <-tick:
	case <-hangups:
		if err := r.store.AskReload(ctx); err != nil && ctx.Err() == nil {
			r.logger.Error("a reload could not be asked for", "error", err)
		}
	}
	return true
}
