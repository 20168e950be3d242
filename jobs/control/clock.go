package control

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"freshet/jobs"
	"freshet/jobs/postgres"
)

const (
	// clockSweep is how long a lost hint can delay a schedule that is due earlier than was known.
	clockSweep = 30 * time.Second
	// clockRest follows each pass: hints come for many things, and another replica may have what is due.
	clockRest = 100 * time.Millisecond
	// tickBatch is how many schedules one transaction takes.
	tickBatch = 100
)

// Clock makes the tasks of schedules whose time has come. Create it with NewClock.
type Clock struct {
	bell // rung when another schedule may be the next

	store  *postgres.Store
	logger *slog.Logger
	plan   func() func(jobs.DueSchedule) jobs.Tick // a planner for each pass
}

// NewClock makes a Clock; Run starts it.
func NewClock(store *postgres.Store, logger *slog.Logger) *Clock {
	return &Clock{newBell(), store, logger, func() func(jobs.DueSchedule) jobs.Tick { return newPlanner().plan }}
}

// Run works until ctx ends. A database that is away is waited for.
func (c *Clock) Run(ctx context.Context) error {
	for {
		pause, err := c.pass(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.logger.Warn("the schedules could not be looked at; the next look follows", "error", err)
			}
			pause = sweepEvery
		}
		if !c.bell.rest(ctx, clockRest, pause) {
			return nil
		}
	}
}

// pass makes all tasks that are due, and tells how long it is until the next is.
func (c *Clock) pass(ctx context.Context) (time.Duration, error) {
	plan := c.plan()
	for {
		done, err := c.store.Tick(ctx, tickBatch, func(due jobs.DueSchedule) jobs.Tick {
			tick := plan(due)
			if tick.Error != "" {
				c.logger.Warn("a schedule made no task", "schedule", due.Name, "reason", tick.Error)
			}
			return tick
		})
		if err != nil {
			return 0, err
		}
		if done == 0 {
			break
		}
	}
	due, some, err := c.store.NextTick(ctx)
	if err != nil {
		return 0, fmt.Errorf("plan the next look at the schedules: %w", err)
	}
	if !some {
		return clockSweep, nil
	}
	return min(due, clockSweep), nil
}
