package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/postgres"
	"freshet/jobs/process"
	"freshet/jobs/runner"
	"freshet/jobs/supervisor"
	"freshet/jobs/tracing"
	"freshet/jobs/webhook"
	"freshet/jobs/worker"
)

const (
	// beatEvery is how often a worker says that it lives; a lease outlasts several beats.
	beatEvery = 10 * time.Second
	// fetchCooldown keeps the way from insert to claim at a few milliseconds.
	fetchCooldown = 2 * time.Millisecond
	// webhookVariable holds what requests to the routes of http kinds are signed with.
	webhookVariable = "FRESHET_WEBHOOK_SECRET"
	// stopSlack is what a worker needs beyond its drain time and the longest grace: the last writes.
	stopSlack = 30 * time.Second
	// retireSignal has a worker claim no more, and leave when all that it runs has ended.
	retireSignal = syscall.SIGUSR1
)

// workerOptions are the flags of freshet worker.
type workerOptions struct {
	config string
	pool   string
	root   string
	drain  time.Duration
	dotenv bool
	idle   bool
	child  childOptions

	metrics string // address; empty: none
}

// patience is how long the worker stays without work; zero: for ever.
func (o workerOptions) patience(pool config.Pool) time.Duration {
	if !o.idle {
		return 0
	}
	return pool.IdleTimeout
}

func (a *app) workerCommand() *cobra.Command {
	var options workerOptions
	command := &cobra.Command{
		Use:   "worker",
		Short: "Pull tasks of one pool and run them",
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.work(cmd.Context(), options) },
	}
	configFlag(command, &options.config)
	flags := command.Flags()
	flags.StringVar(&options.pool, "pool", "default", "the pool to work for")
	flags.StringVar(&options.root, "workspaces", "", "folder for the attempts' workspaces (default: a folder of the system's temporary one)")
	flags.DurationVar(&options.drain, "drain", 30*time.Second, "what running attempts may take to finish when the worker is told to leave")
	flags.BoolVar(&options.idle, "idle-exit", false, "leave, with exit code 0, after the pool's idleTimeout without work")
	childFlags(flags, &options.child)
	flags.StringVar(&options.metrics, "metrics", "", "address to show metrics at, for Prometheus, to whoever asks: such as 127.0.0.1:9464 (default: nowhere)")
	flags.BoolVar(&options.dotenv, "dotenv", false, "read .env.local and .env beside freshet.yaml for ${VAR} and passEnv")
	return command
}

// workplace is what a worker needs of this machine: the settings, its pool, and where attempts run.
type workplace struct {
	settings *config.Config
	pool     config.Pool
	host     *runner.Host
}

// workplace reads freshet.yaml, and refuses what a worker could only fail with.
func (a *app) workplace(options workerOptions) (*workplace, error) {
	settings, err := a.settings(options.config)
	if err != nil {
		return nil, err
	}
	pool, found := settings.Pool(options.pool)
	if !found {
		return nil, &exitError{exitConfig, fmt.Errorf("%s has no pool %q", settings.Path, options.pool)}
	}
	lookup, err := a.commandLookup(settings, options.dotenv)
	if err != nil {
		return nil, err
	}
	if err := variablesSet(settings, options.pool, lookup); err != nil {
		return nil, &exitError{exitConfig, err}
	}
	if err := sandboxesPossible(settings, options.pool, options.root); err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(slices.Clone(settings.Kinds), func(k jobs.Kind) bool { return k.Pool != pool.Name })
	if _, err := a.webhookSecrets(mine...); err != nil {
		return nil, err
	}
	host, err := a.host(settings, options.child.over(pool), options.root, lookup)
	return &workplace{settings, pool, host}, err
}

func (a *app) work(ctx context.Context, options workerOptions) error {
	if err := process.Conceal(); err != nil {
		return err
	}
	place, err := a.workplace(options)
	if err != nil {
		return err
	}
	db, err := a.database()
	if err != nil {
		return err
	}
	if err := process.Adopt(); err != nil {
		return err
	}
	store, err := a.open(ctx, db, "freshet worker "+place.pool.Name, int32(min(place.pool.Slots, 8)+6))
	if err != nil {
		return err
	}
	defer store.Close()
	heart, err := a.open(ctx, db, "freshet heartbeat", 1)
	if err != nil {
		return err
	}
	defer heart.Close()
	if err := place.host.Sweep(); err != nil {
		a.logger.Warn("workspaces of dead attempts were not removed", "error", err)
	}
	return a.pull(ctx, stores{store, heart}, db, place, options)
}

// stores are a worker's connections: those of its work, and the one of its beats.
type stores struct{ work, heart *postgres.Store }

// pull runs the parts of a worker until ctx ends.
func (a *app) pull(ctx context.Context, stores stores, db database, place *workplace, options workerOptions) error {
	place.host.Sink = stores.work
	self, err := a.self(place)
	if err != nil {
		return err
	}
	self.Session = db.direct != ""
	watch, err := a.observed(ctx, place, stores.work, options.metrics)
	if err != nil {
		return err
	}
	place.host.Tracer = watch.tracer
	retired, stop := signal.NotifyContext(context.WithoutCancel(ctx), retireSignal)
	defer stop()
	hosts, reloader := runner.NewHosts(place.host), newReloader(stores.work, a.logger)
	reloader.take = func(ctx context.Context) error { return a.move(ctx, hosts, stores, self.ID, options, watch.tracer) }
	ready := make(chan struct{})
	hurried, signals := hurry()
	var listener *postgres.Listener
	workers := worker.New(worker.Config{
		Store: stores.work, Heart: stores.heart, Runner: hosts, Worker: self, Ready: func() { close(ready) },
		Beat: beatEvery, Hearing: func() bool { return listener.Hearing() },
		Drain: options.drain, Hurry: hurried, IdleTimeout: options.patience(place.pool), Retire: retired.Done(),
		FetchCooldown: fetchCooldown, PollOnly: db.pooled, Logger: a.logger, Metrics: watch.metrics, Tracer: watch.tracer,
	})
	listener, err = stores.work.Listener(db.direct, postgres.Hints{
		Worker: func(told uuid.UUID) {
			if told == self.ID {
				workers.CancelRequested()
			}
		},
		Control: reloader.look,
		Pools:   workers.BeatNow,
		All:     func() { workers.CancelRequested(); reloader.look() },
		Lost:    workers.BeatNow,
	})
	if err != nil {
		return err
	}
	listener.Hold(self.ID)
	deadline := options.drain + longestGrace(place.settings) + stopSlack
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	return supervisor.Run(ctx, deadline, slices.Concat([]supervisor.Part{signals}, watch.parts, []supervisor.Part{
		{Name: "listener", Run: listener.Run},
		{Name: "reload", Run: reloader.run},
		{Name: "hangups", Run: reloader.hear},
		{Name: "worker", Run: leaving(workers, leave)},
		a.notifications(ready),
	})...)
}

// move reads freshet.yaml again, for the attempts that begin from now on. What it says of the pool itself
// is taken at the next start.
func (a *app) move(ctx context.Context, hosts *runner.Hosts, stores stores, worker uuid.UUID, options workerOptions, tracer *tracing.Tracer) error {
	place, err := a.workplace(options)
	if err != nil {
		return err
	}
	place.host.Sink, place.host.Tracer = stores.work, tracer
	hosts.Replace(place.host)
	return stores.work.SetWorkerKinds(ctx, worker, kindNames(place.settings))
}

const (
	// unitVariable tells a worker what its provider calls what it runs in, where the platform has no variable of its own.
	unitVariable = "FRESHET_UNIT"
	// generationVariable tells it which generation of its pool it is.
	generationVariable = "FRESHET_GENERATION"
)

// workerVariable names the id that a supervisor gives a worker, so that it can tell of its death.
const workerVariable = "FRESHET_WORKER_ID"

// self is what this process tells of itself as a worker.
func (a *app) self(place *workplace) (jobs.Worker, error) {
	host, err := os.Hostname()
	if err != nil {
		return jobs.Worker{}, fmt.Errorf("host name: %w", err)
	}
	id, err := uuid.Parse(a.env(workerVariable))
	if err != nil {
		if id, err = uuid.NewV7(); err != nil {
			return jobs.Worker{}, fmt.Errorf("worker id: %w", err)
		}
	}
	return jobs.Worker{
		ID: id, Pool: place.pool.Name, Host: host, PID: os.Getpid(), Slots: place.pool.Slots, Kinds: kindNames(place.settings),
		Version: a.Version, Lease: place.pool.Lease,
		Unit: a.firstEnv(unitVariable, "FLY_MACHINE_ID", "CLOUD_RUN_EXECUTION"), Generation: a.env(generationVariable),
	}, nil
}

// leaving ends the process when its worker has retired.
func leaving(workers *worker.Pool, leave func()) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := workers.Run(ctx); err != nil {
			return err
		}
		leave()
		<-ctx.Done()
		return nil
	}
}

// host is where attempts of a pool run on this machine.
func (a *app) host(settings *config.Config, pool config.Pool, root string, lookup lookup) (*runner.Host, error) {
	user, err := childUser(pool)
	if err != nil {
		return nil, err
	}
	if root, err = workspacesFolder(root); err != nil {
		return nil, err
	}
	secrets, err := a.webhookSecrets()
	if err != nil {
		return nil, err
	}
	return &runner.Host{
		Root: root, Project: settings.Folder, PassEnv: settings.PassEnv, ShowEnv: settings.ShowEnv, Lookup: lookup,
		User: user, Hidden: a.ownSecrets(), Secrets: secrets, Version: a.Version, Logger: a.logger,
	}, nil
}

// ownSecrets are those of this process, which no task has to do with.
func (a *app) ownSecrets() []string {
	var values []string
	for _, name := range []string{
		"DATABASE_URL", "DATABASE_DIRECT_URL", "FRESHET_DATABASE_URL", "FRESHET_DATABASE_DIRECT_URL",
		"FRESHET_API_KEY", "FRESHET_SECRET_KEY", riverUIVariable, flyTokenVariable,
	} {
		values = append(values, a.env(name))
	}
	values = append(values, slices.Collect(maps.Values(otlpHeaders(a.env(otlpHeadersVariable))))...)
	for _, secret := range webhook.Fields(a.env(webhookVariable)) {
		values = append(values, secret, strings.TrimPrefix(secret, webhook.SecretPrefix))
	}
	return values
}

// variablesSet refuses a worker that could only fail: each ${VAR} of its kinds must have a value.
func variablesSet(settings *config.Config, pool string, lookup lookup) error {
	var missing []error
	for _, k := range settings.Kinds {
		if k.Pool != pool {
			continue
		}
		if err := kindVariablesSet(k, lookup); err != nil {
			missing = append(missing, fmt.Errorf("%s: kind %s: %w", settings.Path, k.Name, err))
		}
	}
	return errors.Join(missing...)
}

func kindVariablesSet(k jobs.Kind, lookup lookup) error {
	for name, value := range k.Env {
		if _, err := kind.Resolve(value, lookup); err != nil {
			return fmt.Errorf("env %s: %w", name, err)
		}
	}
	if k.HTTP != nil {
		if _, err := kind.Address(k.HTTP.URL, lookup); err != nil {
			return fmt.Errorf("http.url: %w", err)
		}
	}
	return nil
}

// webhookSecrets are what requests are signed with. Kinds with http cannot do without.
func (a *app) webhookSecrets(kinds ...jobs.Kind) (webhook.Secrets, error) {
	secrets, err := webhook.ParseSecrets(a.env(webhookVariable))
	asks := slices.IndexFunc(kinds, func(k jobs.Kind) bool { return k.HTTP != nil })
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w", webhookVariable, err)
	case asks >= 0 && !secrets.Known():
		err = fmt.Errorf("%s is not set; the requests of kind %s are signed with it", webhookVariable, kinds[asks].Name)
	default:
		return secrets, nil
	}
	return webhook.Secrets{}, &exitError{exitConfig, err}
}

func longestGrace(settings *config.Config) time.Duration {
	var longest time.Duration
	for _, kind := range settings.Kinds {
		longest = max(longest, kind.Grace)
	}
	return longest
}
