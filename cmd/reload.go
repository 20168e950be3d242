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
	known  int64 // the last reload that was asked for, and done; negative: it is not known
	store  *postgres.Store
	logger *slog.Logger
	take   func(context.Context) error // reads the file, and makes it count; set before run
	wake   chan struct{}
}

func newReloader(store *postgres.Store, logger *slog.Logger) *reloader {
	return &reloader{known: -1, store: store, logger: logger, wake: make(chan struct{}, 1)}
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
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	for {
		settings, err := r.store.Settings(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.logger.Warn("the settings could not be read", "error", err)
		default:
			if r.known >= 0 && settings.Reload != r.known {
				r.reload(ctx)
			}
			r.known = settings.Reload
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-ticker.C:
		}
	}
}

// hear waits for SIGHUP until ctx ends.
func (r *reloader) hear(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			if err := r.store.AskReload(ctx); err != nil && ctx.Err() == nil {
				r.logger.Error("a reload could not be asked for", "error", err)
			}
			r.look()
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
