package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/jobs/process"
)

const (
	readyWithin = time.Minute           // recovery after a crash included
	haltWithin  = 5 * time.Second       // for a start that failed
	askAgain    = 10 * time.Millisecond // between two looks whether the server answers
	portTries   = 3                     // how often another free port is tried
)

var errPortTaken = errors.New("port was taken by another program")

// launch starts the server process on a free port and waits until it answers: on that of the last time, if it can
// be had, so that whoever outlived the last server finds this one. Between the choice of a port and its use
// another program may take it; then another one is chosen.
func (s *Server) launch(ctx context.Context, c *cluster, o Options) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, errors.New("it does not answer"))
	defer cancel()
	for try, wanted := 1, c.lastPort(); ; try, wanted = try+1, 0 {
		err := s.launchOnce(ctx, c, o, wanted)
		if !errors.Is(err, errPortTaken) || try == portTries {
			return err
		}
	}
}

func (s *Server) launchOnce(ctx context.Context, c *cluster, o Options, wanted int) (err error) {
	if s.port, err = freePort(ctx, wanted); err != nil {
		return err
	}
	s.tail = new(tail)
	spec := c.account.command(append([]string{c.program("postgres"), "-D", c.dir}, s.settings(o)...)...)
	spec.Stdout = io.MultiWriter(s.tail, o.Log)
	spec.Stderr = spec.Stdout
	spec.StopSignal = syscall.SIGINT
	if s.daemon, err = process.StartDaemon(spec); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return errors.Join(err, s.halt(ctx))
	}
	return nil
}

// halt ends a server that cannot be used, on a context of its own: the start's may have ended.
func (s *Server) halt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), haltWithin)
	defer cancel()
	return s.daemon.Stop(ctx)
}

// settings returns the server's options: safe against crashes, sized for one developer.
func (s *Server) settings(o Options) []string {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(s.port),
		"unix_socket_directories": "",
		"shared_buffers":          "128MB",
		"max_connections":         "200",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
	}
	maps.Copy(settings, o.Settings)
	var args []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// ready waits until the server lets us in. Another server on this port would not know the password.
func (s *Server) ready(ctx context.Context) error {
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.databaseURL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.daemon.Done():
			if s.tail.contains("could not bind") {
				return errPortTaken
			}
			return s.Err()
		case <-ctx.Done():
			return fmt.Errorf("%w: %w%s", context.Cause(ctx), err, s.tail)
		case <-tick.C:
		}
	}
}

// createDatabase makes our database if it is not there.
func (s *Server) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.databaseURL("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	const query = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, query, role).Scan(&there); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+role); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// lastPort is what the server listened on before, as it wrote it down itself; 0 if that is not known.
func (c *cluster) lastPort() int {
	written, err := os.ReadFile(filepath.Join(c.dir, "postmaster.opts"))
	if err != nil {
		return 0
	}
	_, text, _ := strings.Cut(string(written), "port=")
	port, _ := strconv.Atoi(text[:len(text)-len(strings.TrimLeft(text, "0123456789"))])
	return port
}

// freePort is the port that is wanted, if it is free, else any.
func freePort(ctx context.Context, wanted int) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:"+strconv.Itoa(wanted))
	if err != nil && wanted != 0 {
		return freePort(ctx, 0)
	}
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it listens on TCP
	return port, listener.Close()
}
