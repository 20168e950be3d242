package cmd_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"freshet/jobs/postgres/postgrestest"
)

// nobody is the user that PgBouncer runs as when the tests run as root, which it refuses.
const nobody = 65534

// startPooler puts PgBouncer, in transaction mode, before a database, and returns the address to it. The
// test is skipped where there is none, but not in CI, which installs it.
func startPooler(t *testing.T, database string) string {
	t.Helper()
	binary, err := exec.LookPath("pgbouncer")
	if err != nil {
		binary = "/usr/sbin/pgbouncer" // which Debian keeps off the path of users
	}
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("pgbouncer is not installed")
		}
		t.Skip("pgbouncer is not installed")
	}
	behind, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := behind.User.Password()
	port := freePort(t)
	folder, err := os.MkdirTemp("", "freshet-pooler-") //nolint:usetesting // nobody must be able to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	config := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\npooled = host=%s port=%s dbname=%s user=%s password=%s\n"+
		"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n",
		behind.Hostname(), behind.Port(), strings.TrimPrefix(behind.Path, "/"), behind.User.Username(), password, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), binary, config)
	if os.Getuid() == 0 {
		for _, path := range []string{folder, config} {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var log bytes.Buffer
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return "postgres://anyone@127.0.0.1:" + port + "/pooled?sslmode=disable"
}

func freePort(t *testing.T) string {
	t.Helper()
	socket, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	_, port, _ := net.SplitHostPort(socket.Addr().String())
	return port
}

// TestBehindAPooler runs an API and a worker that reach the database through a transaction pooler alone.
func TestBehindAPooler(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	pooler := startPooler(t, database)
	p := newProgram(t, trueKinds)
	address := "127.0.0.1:" + freePort(t)
	p.env = append(p.env, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32), "FRESHET_API_KEY=k", "FRESHET_URL=http://"+address)
	p.env = append(p.env, "DATABASE_URL="+pooler)
	p.until("the pooler is ready", func() bool { return !strings.Contains(p.client("doctor").stdout, "connection refused") })
	if r := p.must(1, "doctor"); !strings.Contains(r.stdout, "warn  LISTEN/NOTIFY") {
		t.Errorf("the doctor does not see that hints are lost:\n%s", r.stdout)
	}
	if r := p.must(78, "api", "--addr", address); !strings.Contains(r.stderr, "DATABASE_DIRECT_URL") {
		t.Errorf("the refusal does not say what to do: %s", r.stderr)
	}
	p.env = append(p.env, "DATABASE_DIRECT_URL=none")
	// It is the fsync of the tests' database that fails.
	if r := p.must(1, "doctor"); !strings.Contains(r.stdout, "warn  LISTEN/NOTIFY") || strings.Contains(r.stdout, "BAD   migrations") {
		t.Errorf("the doctor does not say what cannot be had:\n%s", r.stdout)
	}
	p.must(78, "migrate", "up")
	p.beside("api", "--addr", address)
	p.beside("worker", "--allow-root-children")
	p.until("the API is ready", func() bool {
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		var body bytes.Buffer
		_, _ = body.ReadFrom(response.Body)
		return strings.Contains(body.String(), `"listen":"missing"`)
	})
	if r := p.must(0, "submit", "nothing", "--follow"); !strings.Contains(r.stderr, "completed") {
		t.Errorf("followed to the end: %s%s", r.stdout, r.stderr)
	}
}

// beside runs a part of Freshet until the test ends.
func (p *program) beside(args ...string) *os.Process {
	p.t.Helper()
	command := exec.CommandContext(context.WithoutCancel(p.t.Context()), os.Args[0], args...)
	command.Dir, command.Env = p.folder, p.env
	log := &lines{added: make(chan struct{}, 1)}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil || p.t.Failed() {
			p.t.Errorf("freshet %s: %v\n%s", strings.Join(args, " "), err, log)
		}
	})
	return command.Process
}
