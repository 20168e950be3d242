package control

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"freshet/jobs/postgres"
)

const (
	// sweepEvery is how long a lost hint can delay an admission.
	sweepEvery = 2 * time.Second
	// batch is how many attempts one statement admits or expires.
	batch = 500
	// partitionDays are made ahead, so that a control plane that is away for a day or two does no harm.
	partitionDays = 4
	// partitionsEvery is how often they are looked at.
	partitionsEvery = time.Hour
)

// Controller admits and expires. Create it with New.
type Controller struct {
	bell

	store  *postgres.Store
	logger *slog.Logger
}

// New makes a Controller; Run starts it.
func New(store *postgres.Store, logger *slog.Logger) *Controller {
	return &Controller{newBell(), store, logger}
}

// Run works until ctx ends. A database that is away is waited for.
func (c *Controller) Run(ctx context.Context) error {
	var partitionsAt time.Time
	for {
		if now := time.Now(); now.Sub(partitionsAt) >= partitionsEvery {
			if err := c.store.EnsurePartitions(ctx, now, partitionDays); err != nil {
				c.report(ctx, err)
			} else {
				partitionsAt = now
			}
		}
		pause, err := c.pass(ctx)
		if err != nil {
			c.report(ctx, err)
			pause = sweepEvery
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-c.bell:
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (c *Controller) report(ctx context.Context, err error) {
	if ctx.Err() == nil {
		c.logger.Warn("a pass of the control plane failed; the next one follows", "error", err)
	}
}

// pass does all that is due and tells how long it is until the next is.
func (c *Controller) pass(ctx context.Context) (time.Duration, error) {
	if err := drain(ctx, c.store.Expire); err != nil {
		return 0, err
	}
	for _, admit := range []func(context.Context, int) (int, error){c.store.Admit, c.store.AdmitLimited} {
		if err := drain(ctx, admit); err != nil {
			return 0, err
		}
	}
	due, waits, err := c.store.NextDue(ctx)
	if err != nil {
		return 0, fmt.Errorf("plan the next pass: %w", err)
	}
	if !waits {
		return sweepEvery, nil
	}
	return min(max(due, time.Millisecond), sweepEvery), nil
}

// drain repeats a step for as long as it finds a full batch to do.
func drain(ctx context.Context, step func(context.Context, int) (int, error)) error {
	for {
		done, err := step(ctx, batch)
		if err != nil {
			return err
		}
		if done < batch {
			return nil
		}
	}
}
