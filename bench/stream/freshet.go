package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"freshet/api"
	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/embedded"
	"freshet/jobs/realtime"
	"freshet/jobs/secret"
	"freshet/jobs/supervisor"
	"freshet/migrations"
)

// serveFreshet is an API replica, as freshet api makes it, that lets one owner have many streams.
func serveFreshet(ctx context.Context, o options, socket net.Listener, ready func()) error {
	store, err := open(ctx, o.database)
	if err != nil {
		return err
	}
	defer store.Close()
	hub := realtime.New(api.NewFeed(store, ""), warnings())
	var key secret.Key
	_, _ = rand.Read(key[:]) // never fails
	server, err := api.New(ctx, api.Config{
		Store: store, Hub: hub, Secrets: secret.NewBox(key), Logger: warnings(), Limits: api.Limits{Streams: o.streams},
	})
	if err != nil {
		return err
	}
	listener, err := store.Listener(o.database, postgres.Hints{Task: hub.Wake, All: hub.WakeAll})
	if err != nil {
		return err
	}
	return supervisor.Run(ctx, patience,
		supervisor.Part{Name: "listener", Run: listener.Run},
		supervisor.Part{Name: "hub", Run: hub.Run},
		supervisor.Part{Name: "catalogue", Run: server.Run},
		supervisor.Part{Name: "HTTP", Run: func(ctx context.Context) error {
			ready()
			return server.Serve(ctx, socket)
		}},
	)
}

func open(ctx context.Context, url string) (*postgres.Store, error) {
	return postgres.Open(ctx, postgres.Options{URL: url, MaxConnections: 16, Name: "bench", Logger: warnings()})
}

// warnings drops the line about each request, which would be measured too.
func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// writer is a worker that writes events, as far as the database can tell.
type writer struct {
	database *embedded.Server
	folder   string
	store    *postgres.Store
	claims   []jobs.Claim
	flushed  int64
}

// startFreshet starts a PostgreSQL of its own, an API server on it, and a worker that has claimed tasks.
func startFreshet(ctx context.Context, o options) (_ *side, err error) {
	w := &writer{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.folder, err = os.MkdirTemp("", "freshet-bench-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if w.database, err = embedded.Start(ctx, embedded.Options{DataDir: w.folder, Environ: os.Environ()}); err != nil {
		return nil, err
	}
	key := rand.Text()
	if err := w.prepare(ctx, key); err != nil {
		return nil, err
	}
	s, err := startServer(ctx, o, "freshet", "-database", w.database.URL())
	if err != nil {
		return nil, err
	}
	whole := &side{server: s, key: key, known: 2, write: w.write, close: w.close} // created and started
	if err := w.claim(ctx, whole, o.tasks); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	for _, claim := range w.claims {
		whole.paths = append(whole.paths, "/v1/tasks/"+claim.TaskID.String()+"/stream")
	}
	return whole, nil
}

func (w *writer) prepare(ctx context.Context, key string) (err error) {
	if err := migrations.Up(ctx, w.database.URL()); err != nil {
		return err
	}
	if w.store, err = open(ctx, w.database.URL()); err != nil {
		return err
	}
	kind := jobs.Kind{Name: "tick", Command: []string{"tick"}, Cwd: jobs.CwdWorkspace, Pool: "default", Timeout: time.Hour, Retry: jobs.Retry{MaxAttempts: 1}}
	return errors.Join(
		w.store.EnsurePartitions(ctx, time.Now(), 2),
		w.store.SyncKinds(ctx, []jobs.Kind{kind}),
		w.store.SyncPools(ctx, []jobs.Pool{{Name: "default", Provider: "none", Slots: 1000}}),
		w.store.SaveKey(ctx, jobs.Key{Name: "bench", Secrets: []jobs.KeySecret{{Hash: sha256.Sum256([]byte(key))}}, Owner: "bench", Admin: true}),
	)
}

// claim submits tasks over HTTP and takes them.
func (w *writer) claim(ctx context.Context, s *side, tasks int) error {
	worker := jobs.Worker{ID: uuid.New(), Pool: "default", Host: "bench", PID: os.Getpid(), Slots: tasks, Kinds: []string{"tick"}, Version: "bench", Lease: 24 * time.Hour}
	if err := w.store.RegisterWorker(ctx, worker); err != nil {
		return err
	}
	for range tasks {
		answer, err := post(ctx, "http://127.0.0.1:"+s.address+"/v1/tasks", s.key, `{"kind":"tick"}`)
		if err != nil {
			return err
		}
		var task struct {
			ID uuid.UUID `json:"id"`
		}
		if err := json.Unmarshal(answer, &task); err != nil {
			return fmt.Errorf("read a task: %w", err)
		}
		candidate := jobs.Candidate{TaskID: task.ID}
		err = w.store.Pool().QueryRow(ctx, `SELECT river_job_id, number FROM freshet.attempts WHERE task_id = $1 AND state = 'queued'`,
			task.ID).Scan(&candidate.RiverJob, &candidate.Attempt)
		if err != nil {
			return fmt.Errorf("find an attempt: %w", err)
		}
		claim, refusal, err := w.store.Claim(ctx, worker.ID, candidate)
		if err != nil || refusal != jobs.ClaimGranted {
			return fmt.Errorf("claim: %s: %w", refusal, err)
		}
		w.claims = append(w.claims, claim)
	}
	return nil
}

// write writes an event of each task.
func (w *writer) write(ctx context.Context) error {
	failed := make(chan error, len(w.claims))
	var group sync.WaitGroup
	for _, claim := range w.claims {
		group.Go(func() {
			now := time.Now()
			_, err := w.store.Flush(ctx, jobs.Flush{
				Fence: claim.Fence, From: w.flushed, To: w.flushed + 1,
				Records: []jobs.Record{{At: now, Type: jobs.TaskCustom, Data: event(now)}},
			})
			failed <- err
		})
	}
	group.Wait()
	w.flushed++
	close(failed)
	var err error
	for one := range failed {
		err = errors.Join(err, one)
	}
	return err
}

func (w *writer) close() (err error) {
	if w.store != nil {
		w.store.Close()
	}
	if w.database != nil {
		err = w.database.Stop(context.Background())
	}
	return errors.Join(err, os.RemoveAll(w.folder))
}
