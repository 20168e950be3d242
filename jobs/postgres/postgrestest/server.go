package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/jackc/pgx/v5"

	"freshet/jobs/postgres/embedded"
)

// shared is the server of this test program. It is the one variable of the package: tests have no
// other way to share something that Main ends.
//
//nolint:gochecknoglobals // see above
var shared server

// server is started by the first test that needs it.
type server struct {
	mu      sync.Mutex
	started bool
	err     error
	admin   string       // URL of a role that may create databases
	copying string       // how CREATE DATABASE copies; empty for the server's own way
	stop    func() error // nil if the server is not ours, or stopped
}

// ready returns the administrator's URL of the server and its way of copying. It starts the server
// if that has not been tried.
func (s *server) ready() (admin, copying string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.started = true
		s.err = s.start()
	}
	return s.admin, s.copying, s.err
}

// close stops the server if it was started.
func (s *server) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil {
		return nil
	}
	stop := s.stop
	s.stop = nil
	return stop()
}

func (s *server) start() error {
	if given := os.Getenv("FRESHET_TEST_DATABASE_URL"); given != "" {
		s.admin = given
		return ensureTemplate(given)
	}
	dir, err := copyOfSeed()
	if err != nil {
		return err
	}
	running, err := startIn(dir)
	if err != nil {
		return fmt.Errorf("start on a copy of the seed: %w", err)
	}
	s.admin = running.URL()
	s.stop = func() error { return errors.Join(stop(running), os.RemoveAll(dir)) }
	s.copying, err = quickCopy(s.admin)
	return err
}

// quickCopy returns the option that makes CREATE DATABASE copy files, rather than log each page. It
// is three times as quick where nothing is synced. Older servers know no other way.
func quickCopy(admin string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	var choice bool
	const query = `SELECT current_setting('server_version_num')::int >= 150000`
	if err := conn.QueryRow(ctx, query).Scan(&choice); err != nil {
		return "", fmt.Errorf("ask the server's version: %w", err)
	}
	if !choice {
		return "", nil
	}
	return " STRATEGY file_copy", nil
}

// startIn runs a server that need not survive a crash of the machine.
func startIn(dir string) (*embedded.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return embedded.Start(ctx, embedded.Options{
		DataDir: dir,
		Environ: os.Environ(),
		Settings: map[string]string{
			"fsync":              "off",
			"full_page_writes":   "off",
			"wal_level":          "minimal",
			"max_wal_senders":    "0",
			"checkpoint_timeout": "1h",
			"max_wal_size":       "256MB",
			"min_wal_size":       "32MB",
			"max_connections":    "400",
		},
	})
}

func stop(running *embedded.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return running.Stop(ctx)
}
