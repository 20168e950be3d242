package embedded

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Most people's projects lie below a home that only they may enter.
func TestRootBelowAClosedFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives the server to another user")
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "data")
	s := start(t, Options{DataDir: dir})
	if got := ask(t, s.URL(), `SELECT 'here'`); got != "here" {
		t.Fatal(got)
	}
	uid, _, ok := owner(filepath.Join(dir, "cluster"))
	if !ok || uid == 0 {
		t.Fatalf("the cluster is user %d's", uid)
	}
}

// Root takes over a cluster that a user made, as that user.
func TestRootOnAUsersCluster(t *testing.T) {
	t.Parallel()
	dir, program := usersFolder(t)
	k := startKeeper(t, asUser(t, program), dir)
	k.server(t)
	k.kill()
	s := start(t, Options{DataDir: dir})
	if got := ask(t, s.URL(), `SELECT 'here'`); got != "here" {
		t.Fatal(got)
	}
}

func TestPlainUser(t *testing.T) {
	t.Parallel()
	dir, program := usersFolder(t)
	k := startKeeper(t, asUser(t, program), dir)
	if uid, _, ok := owner(filepath.Join("/proc", strconv.Itoa(k.server(t)))); !ok || uid != someone {
		t.Fatalf("the server runs as %d", uid)
	}
}

// someone is a user without any power, but with an entry in the list of users: initdb wants one.
const someone = nobody

// usersFolder returns a folder of someone's, and this program where someone may run it.
func usersFolder(t *testing.T) (dir, program string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be someone else")
	}
	open := openFolder(t)
	dir, program = filepath.Join(open, "data"), filepath.Join(open, "program")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, someone, someone); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(program, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, program
}

// openFolder returns a folder that every user may enter, unlike the test's own.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "freshet-embedded-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func asUser(t *testing.T, program string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), program)
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someone, Gid: someone}}
	return command
}
