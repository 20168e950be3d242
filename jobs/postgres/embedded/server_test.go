package embedded

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestDataOutlivesRestarts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	var said []string
	o := Options{DataDir: dir, Progress: func(text string) { said = append(said, text) }}
	began := time.Now()
	s := start(t, o)
	t.Logf("first start %v", time.Since(began))
	execute(t, s.URL(), `CREATE TABLE kept AS SELECT 'yes' AS word`)
	before := s.port
	stop(t, s)
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	s = start(t, o)
	t.Logf("second start %v", time.Since(began))
	if s.port != before { // another test may have it by now
		if free, err := freePort(t.Context(), before); err != nil || free == before {
			t.Errorf("it listens on port %d, although %d is free: %v", s.port, before, err)
		}
	}
	if word := ask(t, s.URL(), `SELECT word FROM kept`); word != "yes" {
		t.Fatalf("the row is %q", word)
	}
	if len(said) != 1 {
		t.Fatalf("progress was told %q, want the making alone", said)
	}
}

func TestIsClosedToOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Options{DataDir: dir})
	for _, password := range []string{"", "wrong"} {
		address, err := url.Parse(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		address.User = url.UserPassword(role, password)
		_, err = pgx.Connect(t.Context(), address.String())
		if refused := new(pgconn.PgError); password == "wrong" && (!errors.As(err, &refused) || refused.Code != "28P01") || err == nil {
			t.Errorf("with the password %q: %v", password, err)
		}
	}
	for query, want := range map[string]string{
		`SELECT count(*)::text FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'`: "0",
		`SHOW listen_addresses`:        "127.0.0.1",
		`SHOW unix_socket_directories`: "",
		`SHOW fsync`:                   "on",
		`SHOW password_encryption`:     "scram-sha-256",
	} {
		if got := ask(t, s.URL(), query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for name, want := range map[string]os.FileMode{"password": 0o600, "cluster": 0o700 | os.ModeDir, "lock": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, error %v; want %v", name, info.Mode(), err, want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: t.TempDir(), Settings: map[string]string{"fsync": "off", "max_connections": "50"}})
	if got := ask(t, s.URL(), `SELECT current_setting('fsync') || current_setting('max_connections')`); got != "off50" {
		t.Fatalf("got %s", got)
	}
}

func TestSecondStartNamesTheFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := startKeeper(t, exec.CommandContext(t.Context(), os.Args[0]), dir)
	server := k.server(t)
	_, err := Start(t.Context(), Options{DataDir: dir, Environ: os.Environ()})
	want := "in use by process " + strconv.Itoa(k.command.Process.Pid)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}
	if !running(server) {
		t.Fatal("the first one's server was stopped")
	}
}

// Killed while others write, its server ends at once, and the next start has what was committed.
func TestKilledOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 3 {
		k := startKeeper(t, exec.CommandContext(t.Context(), os.Args[0]), dir)
		server := k.server(t)
		k.kill()
		if round == 0 {
			within(t, 2*time.Second, "the server ends with its owner", func() bool { return !running(server) })
		}
		s := start(t, Options{DataDir: dir}) // in later rounds while the old server still shuts down
		execute(t, s.URL(), `CREATE TABLE IF NOT EXISTS rounds (n serial); INSERT INTO rounds DEFAULT VALUES`)
		if got := ask(t, s.URL(), `SELECT count(*)::text FROM rounds`); got != strconv.Itoa(round+1) {
			t.Fatalf("round %d: %s rows", round, got)
		}
		stop(t, s)
	}
}

// Where the kernel does not end the server with its owner, the next start must.
func TestLeftoverIsStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left := start(t, Options{DataDir: dir})
	if err := left.lock.release(); err != nil { // as if its process were gone
		t.Fatal(err)
	}
	s := start(t, Options{DataDir: dir})
	<-left.Done()
	if got := ask(t, s.URL(), `SELECT 'here'`); got != "here" {
		t.Fatal(got)
	}
}

// After a restart of the machine the number in postmaster.pid may be anyone's.
func TestStrangerWithTheOldNumber(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Options{DataDir: dir})
	file := filepath.Join(dir, "cluster", "postmaster.pid")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.daemon.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.lock.release(); err != nil {
		t.Fatal(err)
	}
	stranger := exec.CommandContext(t.Context(), "sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(file, []byte(strconv.Itoa(stranger.Process.Pid)+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, Options{DataDir: dir})
	if got := ask(t, s.URL(), `SELECT 'here'`); got != "here" {
		t.Fatal(got)
	}
	if !running(stranger.Process.Pid) {
		t.Fatal("the stranger was killed")
	}
}

func TestDeathIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Options{DataDir: dir})
	select {
	case <-s.Done():
		t.Fatal("done while it runs")
	default:
	}
	if err := syscall.Kill(s.daemon.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "SIGKILL") {
		t.Fatalf("got %v", err)
	}
	stop(t, s)
	start(t, Options{DataDir: dir})
}

// A stop without patience kills, and nothing committed is lost.
func TestStopWithoutTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Options{DataDir: dir})
	execute(t, s.URL(), `CREATE TABLE kept ()`)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("no time")
	cancel(reason)
	if err := s.Stop(ctx); err != nil && !errors.Is(err, reason) {
		t.Fatal(err)
	}
	s = start(t, Options{DataDir: dir})
	if got := ask(t, s.URL(), `SELECT to_regclass('kept')::text`); got != "kept" {
		t.Fatal(got)
	}
}

func TestCancelledStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("changed my mind")
	_, err := Start(ctx, Options{DataDir: dir, Environ: os.Environ(), Progress: func(string) { cancel(reason) }})
	if !errors.Is(err, reason) {
		t.Fatalf("got %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			t.Errorf("%s was left", entry.Name())
		}
	}
	start(t, Options{DataDir: dir})
}

func TestLostPasswordIsExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop(t, start(t, Options{DataDir: dir}))
	if err := os.Remove(filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: dir, Environ: os.Environ()})
	if err == nil || !strings.Contains(err.Error(), "remove the data directory") {
		t.Fatalf("got %v", err)
	}
}

func TestWrongSettingIsExplained(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{
		DataDir: t.TempDir(), Environ: os.Environ(), Settings: map[string]string{"fsync": "perhaps"},
	})
	if err == nil || !strings.Contains(err.Error(), `parameter "fsync" requires a Boolean value`) {
		t.Fatalf("got %v", err)
	}
}
