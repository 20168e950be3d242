package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/api"
	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/postgres"
	"freshet/jobs/realtime"
	"freshet/jobs/secret"
	"freshet/jobs/supervisor"
	"freshet/jobs/worker"
	"freshet/migrations"
)

// padding makes an input about as long as the yardstick's row.
var padding = strings.Repeat("x", 1000) //nolint:gochecknoglobals // a constant, but for its making

// databases are of one server, one for each that is measured.
type databases struct{ yardstick, river, freshet string }

func makeDatabases(ctx context.Context, url string) (databases, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return databases{}, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	for _, statement := range []string{
		`CREATE TABLE yardstick (id bigserial PRIMARY KEY, data jsonb NOT NULL)`,
		`CREATE DATABASE river_alone`, `CREATE DATABASE freshet_alone`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return databases{}, fmt.Errorf("make databases: %w", err)
		}
	}
	all := databases{url, named(url, conn.Config().Database, "river_alone"), named(url, conn.Config().Database, "freshet_alone")}
	return all, errors.Join(migrations.Up(ctx, all.river), migrations.Up(ctx, all.freshet))
}

// named is the URL with another database in it.
func named(url, from, to string) string { return strings.Replace(url, "/"+from+"?", "/"+to+"?", 1) }

// system is a whole Freshet in this process, its kinds' commands apart.
type system struct {
	store  *postgres.Store
	client *client
	cancel context.CancelFunc
	done   chan error
}

func startFreshet(ctx context.Context, url string) (*system, error) {
	store, err := postgres.Open(ctx, postgres.Options{URL: url, MaxConnections: 16, Name: "bench", Logger: silent()})
	if err != nil {
		return nil, err
	}
	key := rand.Text()
	if err := prepare(ctx, store, key); err != nil {
		return nil, err
	}
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	parts, err := makeParts(ctx, store, url, socket)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	s := &system{store: store, client: newClient("http://"+socket.Addr().String(), key), cancel: cancel, done: make(chan error, 1)}
	go func() { s.done <- supervisor.Run(running, time.Minute, parts...) }()
	return s, until(ctx, store.Pool(), `SELECT EXISTS (SELECT FROM freshet.workers)`)
}

// prepare makes a kind that does nothing, and one of a pool that has no worker.
func prepare(ctx context.Context, store *postgres.Store, key string) error {
	kind := jobs.Kind{Name: "nothing", Command: []string{"nothing"}, Cwd: jobs.CwdWorkspace, Pool: "default", Timeout: time.Minute, Retry: jobs.Retry{MaxAttempts: 1}}
	parked := kind
	parked.Name, parked.Pool = "parked", "parked"
	return errors.Join(
		store.EnsurePartitions(ctx, time.Now(), 2),
		store.SyncKinds(ctx, []jobs.Kind{kind, parked}),
		store.SyncPools(ctx, []jobs.Pool{{Name: "default", Provider: "none", Slots: slots}, {Name: "parked", Provider: "none", Slots: 1}}),
		store.SaveKey(ctx, jobs.Key{Name: "bench", Secrets: []jobs.KeySecret{{Hash: sha256.Sum256([]byte(key))}}, Owner: "bench", Admin: true}),
	)
}

func makeParts(ctx context.Context, store *postgres.Store, url string, socket net.Listener) ([]supervisor.Part, error) {
	hub := realtime.New(api.NewFeed(store, ""), silent())
	controller := control.New(store, silent())
	var key secret.Key
	_, _ = rand.Read(key[:]) // never fails
	server, err := api.New(ctx, api.Config{Store: store, Hub: hub, Secrets: secret.NewBox(key), Logger: silent(), Limits: api.Limits{TasksPerSecond: -1, OpenTasks: 1 << 20}})
	if err != nil {
		return nil, err
	}
	listener, err := store.Listener(url, postgres.Hints{
		Task: hub.Wake, Control: controller.Wake, All: func() { hub.WakeAll(); controller.Wake() },
	})
	if err != nil {
		return nil, err
	}
	workers := worker.New(worker.Config{
		Store: store, Heart: store, Runner: nothing{},
		Worker: jobs.Worker{ID: uuid.New(), Pool: "default", Slots: slots, Kinds: []string{"nothing"}, Lease: time.Minute},
		Beat:   10 * time.Second, Hearing: listener.Hearing, Drain: time.Second, FetchCooldown: fetchCooldown, Logger: silent(),
	})
	return []supervisor.Part{
		{Name: "listener", Run: listener.Run},
		{Name: "control", Run: controller.Run},
		{Name: "hub", Run: hub.Run},
		{Name: "catalogue", Run: server.Run},
		{Name: "HTTP", Run: func(ctx context.Context) error { return server.Serve(ctx, socket) }},
		{Name: "worker", Run: workers.Run},
	}, nil
}

func (s *system) stop() error {
	s.cancel()
	err := <-s.done
	s.store.Close()
	return err
}

// lives submits tasks over HTTP while they are worked, and returns how many were submitted and
// completed a second. That all have ended is seen by their River jobs, which go with them.
func (s *system) lives(ctx context.Context, n int) (float64, error) {
	began := time.Now()
	err := each(ctx, clients, n, func(ctx context.Context, _ int) error {
		_, err := s.client.submit(ctx, "nothing")
		return err
	})
	if err != nil {
		return 0, err
	}
	err = until(ctx, s.store.Pool(), `SELECT NOT EXISTS (SELECT FROM river.river_job
		WHERE state IN ('available', 'running') AND queue = 'pool_default')`)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	var left int
	err = s.store.Pool().QueryRow(ctx, `SELECT count(*) FROM freshet.tasks WHERE kind = 'nothing' AND state <> 'completed'`).Scan(&left)
	if err != nil || left > 0 {
		return 0, fmt.Errorf("%d tasks are not completed: %w", left, err)
	}
	return float64(n) / took.Seconds(), nil
}
