package faults_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/jobs/postgres/embedded"
	"freshet/migrations"
)

// server is a PostgreSQL server of a test's own, with the settings of freshet dev: what is committed is on
// disk. It can be killed. Its address stays the same, for it is that of a wire.
type server struct {
	t       *testing.T
	folder  string
	running *embedded.Server
	wire    *wire
	url     string
}

func newServer(t *testing.T) *server {
	t.Helper()
	return newServerIn(t, t.TempDir())
}

func newServerIn(t *testing.T, folder string) *server {
	t.Helper()
	s := &server{t: t, folder: folder}
	s.running = s.launch()
	s.wire, s.url = newWire(t, s.running.URL())
	if err := migrations.Up(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.running.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// launch starts the server; after a kill it takes a moment until all of the old one is gone.
func (s *server) launch() *embedded.Server {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), patience)
		running, err := embedded.Start(ctx, embedded.Options{DataDir: s.folder, Environ: os.Environ()})
		cancel()
		if err == nil {
			return running
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

// kill is kill -9, as far as the server's processes are concerned.
func (s *server) kill() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, "cluster", "postmaster.pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(first)))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	if err := s.running.Stop(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

// restart brings it back after a kill.
func (s *server) restart() {
	s.t.Helper()
	s.running = s.launch()
	s.wire.lead(s.running.URL())
}

// revive brings it back if it went down by itself.
func (s *server) revive() {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		conn, err := pgx.Connect(ctx, s.running.URL())
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return
		}
		if _, gone := os.Stat(filepath.Join(s.folder, "cluster", "postmaster.pid")); gone != nil {
			s.t.Log("PostgreSQL went down, and is started again")
			_ = s.running.Stop(context.Background()) // it has ended, and not well
			s.restart()
		}
	}
}
