package control

import (
	"context"
	"time"

	"freshet/jobs/postgres"
)

// Calm knows whether there is nothing to do for a control plane.
type Calm struct {
	Store      *postgres.Store
	Janitor    *Janitor
	Reconciler *Reconciler
}

// Look tells whether nothing goes on, and how long it is until something will by itself; some: it will.
func (c Calm) Look(ctx context.Context) (calm bool, next time.Duration, some bool, err error) {
	stirring, err := c.Store.Stirring(ctx)
	if err != nil || stirring || !c.Reconciler.Empty() {
		return false, 0, false, err
	}
	for _, ask := range []func(context.Context) (time.Duration, bool, error){
		c.nextAttempt, c.Store.NextTick, c.Store.NextDelivery, c.Janitor.next,
	} {
		due, waits, err := ask(ctx)
		if err != nil {
			return false, 0, false, err
		}
		if waits && (!some || due < next) {
			next, some = due, true
		}
	}
	return true, next, some, nil
}

// nextAttempt is how long it is until an attempt is due, or until a worker has to be started for it.
func (c Calm) nextAttempt(ctx context.Context) (time.Duration, bool, error) {
	due, waits, err := c.Store.NextDue(ctx)
	return due - c.Reconciler.slowest(), waits, err
}
