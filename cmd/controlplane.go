package cmd

import (
	"context"
	"errors"
	"log/slog"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
	"freshet/jobs/secret"
	"freshet/jobs/supervisor"
	"freshet/jobs/webhook"
)

// controlPlane is what an API replica does in the background.
type controlPlane struct {
	controller *control.Controller
	reaper     *control.Reaper
	clock      *control.Clock
	janitor    *control.Janitor
	reconciler *control.Reconciler
	courier    *control.Courier
	sender     *webhook.Sender
}

// composer makes the message of a delivery.
type composer = func(jobs.Sending) ([]byte, error)

func newControlPlane(
	store *postgres.Store, box *secret.Box, policy webhook.Policy, compose composer, counted *metrics.Replica,
	retention func() jobs.Retention, logger *slog.Logger,
) *controlPlane {
	sender := webhook.NewSender(policy)
	return &controlPlane{
		controller: control.New(store, logger),
		reaper:     control.NewReaper(store, counted, logger),
		clock:      control.NewClock(store, logger),
		janitor:    control.NewJanitor(store, logger, retention),
		reconciler: control.NewReconciler(store, counted, logger),
		courier: control.NewCourier(control.CourierConfig{
			Store: store, Sender: sender, Seal: webhook.NewSeal(box), Compose: compose, Logger: logger, Metrics: counted,
		}),
		sender: sender,
	}
}

// wake has all look at once that may have something to do when something changed.
func (c *controlPlane) wake() {
	c.controller.Wake()
	c.reaper.Wake()
	c.clock.Wake()
	c.reconciler.Wake("")
}

func (c *controlPlane) parts() []supervisor.Part {
	return []supervisor.Part{
		{Name: "control", Run: c.controller.Run},
		{Name: "reaper", Run: c.reaper.Run},
		{Name: "clock", Run: c.clock.Run},
		{Name: "janitor", Run: c.janitor.Run},
		{Name: "reconciler", Run: c.reconciler.Run},
		{Name: "courier", Run: func(ctx context.Context) error { defer c.sender.Close(); return c.courier.Run(ctx) }},
	}
}

// sleeper lets the database sleep, where freshet.yaml says so; nil: it never does.
func (a *app) sleeper(settings *config.Config) *control.Sleeper {
	if !settings.Server.DBSleep {
		return nil
	}
	return control.NewSleeper(a.logger)
}

// sleeping is a part that runs others only while there is something to do for them.
func (c *controlPlane) sleeping(sleeper *control.Sleeper, store *postgres.Store, parts []supervisor.Part) supervisor.Part {
	calm := control.Calm{Store: store, Janitor: c.janitor, Reconciler: c.reconciler}
	parts = append([]supervisor.Part{{Name: "version", Run: func(ctx context.Context) error { return stillFit(ctx, store) }}}, parts...)
	household := control.Household{Parts: parts, Stop: apiStop, Calm: calm.Look, Leave: store.Leave}
	return supervisor.Part{Name: "background", Run: func(ctx context.Context) error { return sleeper.Run(ctx, household) }}
}

// stillFit ends a process that was not there when a migration removed what it needs. Whatever else is wrong with the
// database, the other parts see to.
func stillFit(ctx context.Context, store *postgres.Store) error {
	if err := store.Check(ctx); errors.Is(err, postgres.ErrContracted) {
		return &exitError{exitConfig, err}
	}
	<-ctx.Done()
	return nil
}

var errAsleep = errors.New("the database is left alone while there is nothing to do")

// observedStore is what metrics ask, which nobody may while the database sleeps.
type observedStore struct {
	*postgres.Store

	sleeper *control.Sleeper
}

func (o observedStore) Stats(ctx context.Context) (jobs.Stats, error) {
	if o.sleeper.Asleep() {
		return jobs.Stats{}, errAsleep
	}
	return o.Store.Stats(ctx)
}
