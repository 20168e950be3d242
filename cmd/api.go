package cmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"freshet/api"
	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
	"freshet/jobs/process"
	"freshet/jobs/realtime"
	"freshet/jobs/secret"
	"freshet/jobs/supervisor"
	"freshet/jobs/tracing"
	"freshet/jobs/webhook"
)

const (
	// apiConnections is how many connections one API replica uses at most.
	apiConnections = 16
	// apiStop bounds the stop of an API replica; platforms give 30 seconds or more.
	apiStop = 25 * time.Second
)

func (a *app) apiCommand() *cobra.Command {
	var path, addr string
	command := &cobra.Command{
		Use:   "api",
		Short: "Serve the HTTP API",
		Long: "Serve the HTTP API.\n\nEnvironment: DATABASE_URL, DATABASE_DIRECT_URL (where the first is a pooler),\n" +
			"FRESHET_SECRET_KEY (32 bytes, base64 or hex; a second one behind a comma while it is rotated),\n" +
			"FRESHET_API_KEY (accepted as an admin's), FRESHET_WEBHOOK_SECRET (signs the webhooks of its tasks),\n" +
			"FRESHET_PUBLIC_URL, FRESHET_RIVER_UI, FRESHET_ADDR or PORT.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serveAPI(cmd.Context(), path, addr) },
	}
	configFlag(command, &path)
	command.Flags().StringVar(&addr, "addr", "", "address to listen on (default: FRESHET_ADDR, else port PORT or 8080 of all)")
	return command
}

func (a *app) serveAPI(ctx context.Context, path, addr string) error {
	if err := process.Conceal(); err != nil { // from commands of workers beside it
		return err
	}
	settings, err := a.settings(path)
	if err != nil {
		return err
	}
	db, err := a.database()
	if err != nil {
		return err
	}
	if a.env("FRESHET_SECRET_KEY") == "" {
		return &exitError{exitConfig, errors.New("FRESHET_SECRET_KEY is not set: make one with `openssl rand -base64 32` and keep it")}
	}
	sleeper := a.sleeper(settings)
	store, err := a.openFor(ctx, db, apiName, apiConnections, sleeper.Touch)
	if err != nil {
		return err
	}
	defer store.Close()
	socket, err := a.door(ctx, a.apiAddress(addr))
	if err != nil {
		return err
	}
	defer func() { _ = socket.Close() }() // the server closes it first, when it comes to run
	keys := serverKeys{admin: a.env("FRESHET_API_KEY"), secret: a.env("FRESHET_SECRET_KEY"), webhook: a.env(webhookVariable)}
	install, err := store.Install(ctx)
	if err != nil {
		return err
	}
	clouds, err := a.cloudFleets(settings, install)
	if err != nil {
		return err
	}
	replica, err := a.replica(ctx, serving{store: store, db: db, settings: settings, socket: socket, keys: keys, fleets: clouds.of, sleeper: sleeper})
	if err != nil {
		return err
	}
	replica.control.reconciler.Provide(clouds.providers())
	replica.reloader.take = func(ctx context.Context) error {
		settings, err := a.settings(path)
		if err != nil {
			return err
		}
		return replica.publish(ctx, store, settings)
	}
	a.logger.Info("API is ready", "address", socket.Addr().String())
	ready := make(chan struct{})
	close(ready) // the socket is open, and the part that tells so is the last to start
	return supervisor.Run(ctx, apiStop, append(replica.parts, socket.part(), a.notifications(ready))...)
}

func (a *app) apiAddress(flag string) string {
	switch {
	case flag != "":
		return flag
	case a.env("FRESHET_ADDR") != "":
		return a.env("FRESHET_ADDR")
	case a.env("PORT") != "":
		return ":" + a.env("PORT")
	default:
		return ":8080"
	}
}

// serving is all that the parts of an API replica stand on.
type serving struct {
	store    *postgres.Store
	db       database
	settings *config.Config
	socket   net.Listener
	keys     serverKeys
	dev      bool                                            // on the user's own machine: webhooks may reach it
	fleets   func(*config.Config) map[string]*jobs.PoolFleet // how this program starts workers, by pool
	sleeper  *control.Sleeper                                // lets the database sleep; nil: nobody does
}

// replica is an API replica, ready to run.
type replica struct {
	server   *api.Server
	logger   *slog.Logger
	settings atomic.Pointer[config.Config]
	fleets   func(*config.Config) map[string]*jobs.PoolFleet
	reloader *reloader
	control  *controlPlane
	parts    []supervisor.Part
}

// publish makes other settings those of the database and of the replica.
func (r *replica) publish(ctx context.Context, store *postgres.Store, settings *config.Config) error {
	if err := publishSettings(ctx, store, settings, r.fleets(settings), r.logger); err != nil {
		return err
	}
	r.settings.Store(settings)
	return r.server.Reload(ctx)
}

// replica makes an API replica, after it has told the database of the settings.
func (a *app) replica(ctx context.Context, s serving) (*replica, error) {
	box, err := openBox(s.keys.secret)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	if err := publish(ctx, s, box, a.logger); err != nil {
		return nil, err
	}
	outside := s.settings.Server
	tracer, err := a.tracer(ctx, s.settings, "freshet-api")
	if err != nil {
		return nil, err
	}
	counted := metrics.NewReplica(a.Version, observedStore{s.store, s.sleeper})
	feed := api.NewFeed(s.store, outside.PublicURL)
	hub := realtime.New(feed, a.logger)
	r := &replica{logger: a.logger, fleets: s.fleets, reloader: newReloader(s.store, a.logger)}
	r.settings.Store(s.settings)
	policy := webhook.Policy{Allow: outside.Webhooks.Allow, AllowHTTP: outside.Webhooks.AllowHTTP, Loopback: s.dev}
	r.control = newControlPlane(s.store, box, policy, feed.Message, counted, func() jobs.Retention { return r.settings.Load().Retention }, a.logger)
	changed := func() { r.control.wake(); r.reloader.look(); r.server.Wake() }
	listener, err := s.store.Listener(s.db.direct, postgres.Hints{
		Task: hub.Wake, Control: changed, Queue: r.control.reconciler.Wake, Deliver: r.control.courier.Wake,
		All: func() { hub.WakeAll(); changed(); r.control.courier.Wake() },
	})
	if err != nil {
		return nil, err
	}
	r.server, err = api.New(ctx, api.Config{
		Store: s.store, Hub: hub, Secrets: box, PublicURL: outside.PublicURL, CORSOrigins: outside.CORSOrigins,
		Issuers: outside.Auth.Issuers, Proxies: outside.TrustedProxies, Webhooks: policy, RiverUI: outside.RiverUI, Limits: limits(outside.Limits),
		Hearing: listener.Hearing, Version: a.Version, Logger: a.logger, Metrics: counted, Tracer: tracer, Sleep: s.sleeper,
	})
	switch {
	case errors.Is(err, secret.ErrWrongKey):
		return nil, &exitError{exitConfig, err}
	case err != nil:
		return nil, err
	}
	r.parts = r.assemble(s, tracer, listener, hub)
	return r, nil
}

// assemble are the parts of a replica, in the order in which they stand on each other.
func (r *replica) assemble(s serving, tracer *tracing.Tracer, listener *postgres.Listener, hub *realtime.Hub) []supervisor.Part {
	background := slices.Concat([]supervisor.Part{{Name: "listener", Run: listener.Run}}, r.control.parts(), []supervisor.Part{
		{Name: "hub", Run: hub.Run},
		{Name: "catalogue", Run: r.server.Run},
		{Name: "reload", Run: r.reloader.run},
	})
	if s.sleeper != nil {
		background = []supervisor.Part{r.control.sleeping(s.sleeper, s.store, background)}
	}
	return slices.Concat([]supervisor.Part{{Name: "traces", Run: tracer.Run}}, background, []supervisor.Part{
		{Name: "hangups", Run: r.reloader.hear},
		{Name: "HTTP", Run: func(ctx context.Context) error { return r.server.Serve(ctx, s.socket) }},
	})
}

// limits are the configured ones. Both know the zero as the default, and what is negative as no limit.
func limits(configured config.Limits) api.Limits {
	return api.Limits{
		TasksPerSecond: configured.TasksPerSecond, OpenTasks: configured.OpenTasks,
		Streams: configured.Streams, Bytes: configured.Bytes, Connections: configured.ConnectionsPerAddress,
	}
}

// publish makes the kinds, the pools, the schedules and the admin's key of this process those of the database.
func publish(ctx context.Context, s serving, box *secret.Box, logger *slog.Logger) error {
	if err := s.store.EnsurePartitions(ctx, time.Now(), 1); err != nil {
		return err
	}
	if err := publishSettings(ctx, s.store, s.settings, s.fleets(s.settings), logger); err != nil {
		return err
	}
	if s.keys.admin == "" {
		return nil
	}
	known := jobs.KeySecret{Hash: sha256.Sum256([]byte(s.keys.admin))} // its letters are the operator's own: none is shown
	key := jobs.Key{Name: jobs.GivenKey, Owner: jobs.GivenKey, Admin: true, Secrets: []jobs.KeySecret{known}}
	if _, err := webhook.ParseSecrets(s.keys.webhook); err != nil {
		return &exitError{exitConfig, fmt.Errorf("%s: %w", webhookVariable, err)}
	}
	if s.keys.webhook != "" {
		key.Signing = webhook.NewSeal(box).Secrets(webhook.OfKey(key.Name), s.keys.webhook)
	}
	return s.store.SaveKey(ctx, key)
}

func publishSettings(
	ctx context.Context, store *postgres.Store, settings *config.Config, fleets map[string]*jobs.PoolFleet, logger *slog.Logger,
) error {
	if err := store.SyncKinds(ctx, settings.Kinds); err != nil {
		return err
	}
	if err := store.SyncPools(ctx, pools(settings, fleets)); err != nil {
		return err
	}
	return publishSchedules(ctx, store, settings.Schedules, logger)
}

// openBox reads the key that wraps the secrets, and behind a comma an earlier one during rotation.
func openBox(text string) (*secret.Box, error) {
	var keys []secret.Key
	for part := range strings.SplitSeq(text, ",") {
		key, err := secret.ParseKey(part)
		if err != nil {
			return nil, fmt.Errorf("FRESHET_SECRET_KEY: %w", err)
		}
		keys = append(keys, key)
	}
	return secret.NewBox(keys[0], keys[1:]...), nil
}

func (a *app) openapiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI document of the HTTP API",
		RunE: func(*cobra.Command, []string) error {
			document, err := api.Document()
			if err != nil {
				return err
			}
			_, err = a.Stdout.Write(document)
			return err
		},
	}
}
