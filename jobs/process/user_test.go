//go:build linux

package process

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stranger is the number of a user that is nobody's on this machine; nobody is one that commands may be.
const (
	stranger = 61234
	nobody   = 65534
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may become somebody else")
	}
}

// asNobody runs the test binary in a role, as a worker that is not root, and answers what it prints.
func asNobody(t *testing.T, role string, args ...string) string {
	t.Helper()
	needRoot(t)
	binary, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	command := exec.Command("/proc/self/fd/3", args...) // by descriptor, for its folder is root's
	command.ExtraFiles = []*os.File{binary}
	command.Env = []string{roleVar + "=" + role, "PATH=" + os.Getenv("PATH"), "SECRET=hunter2-of-the-worker"}
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return string(said)
}

// A command of the worker's own user sees nothing of the worker and of the shim. Before the worker's Conceal
// it does.
func TestConceal(t *testing.T) {
	t.Parallel()
	const look = `
		worker=$(ps -o ppid= -p $PPID 2>/dev/null || cut -d' ' -f4 /proc/$PPID/stat)
		for pid in $worker $PPID; do
			for file in environ maps mem auxv; do
				head -c 100000 /proc/$((pid))/$file >/tmp/conceal-$$ 2>/dev/null && echo "read $file"
				tr '\0' '\n' </tmp/conceal-$$
			done
			ls /proc/$((pid))/fd/ >/dev/null 2>&1 && echo "listed fd"
			readlink /proc/$((pid))/exe
		done
		rm -f /tmp/conceal-$$
		head -c 1 /proc/$$/environ >/dev/null && echo itself`
	if said := asNobody(t, "concealed", "sh", "-c", look); said != "itself\n" {
		t.Errorf("a command reads of its worker or shim: %s", said)
	}
	said := asNobody(t, "open", "sh", "-c", look)
	if !strings.Contains(said, "hunter2-of-the-worker") || !strings.Contains(said, "listed fd") {
		t.Errorf("this test cannot see the environment of a worker: %s", said)
	}
	if n := strings.Count(said, "listed fd"); n != 1 {
		t.Errorf("%d of worker and shim can be looked into; the shim should not", n)
	}
}

// A worker that is not root, and concealed, runs commands as before, with all that a shim does to /proc.
func TestConcealedWorkerRuns(t *testing.T) {
	t.Parallel()
	said := asNobody(t, "concealed", "sh", "-c", `cat /proc/self/oom_score_adj; cat /proc/$PPID/comm /proc/$PPID/oom_score_adj; id -u`)
	own, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	score, err := strconv.Atoi(strings.TrimSpace(string(own)))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{strconv.Itoa(min(score+500, 1000)), "freshet-shim", strconv.Itoa(score), strconv.Itoa(nobody), ""}, "\n")
	if said != want {
		t.Errorf("%q; want %q", said, want)
	}
}

func TestAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s, _ := script(t, `
		id -u; id -g; id -G
		grep NoNewPrivs /proc/self/status
		echo to stdout >/dev/stdout; echo to stderr >/dev/stderr
		kill -0 $PPID 2>/dev/null && echo may signal the shim
		head -c 1 /proc/$PPID/environ 2>/dev/null && echo may read the shim
		ls -ld /proc/$PPID/fd/ >/dev/null 2>&1 && ls /proc/$PPID/fd/ 2>/dev/null
		:`)
	s.User = &User{UID: stranger, GID: stranger + 1, Groups: []uint32{stranger + 2}}
	out := &watched{}
	s.Stdout, s.Stderr, s.Dir = out, out, "/"
	if result := run(t, s); result.ExitCode != 0 {
		t.Errorf("result %+v", result)
	}
	if want := "61234\n61235\n61235 61236\nNoNewPrivs:\t1\nto stdout\nto stderr\n"; out.String() != want {
		t.Errorf("%q; want %q", out.String(), want)
	}
}

// Nothing of another user's command survives, whatever it does: the shim is root.
func TestAnotherUsersTreeIsKilled(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, end := range map[string]func(*Child){
		"stopped": (*Child).Stop, "killed": (*Child).Kill, "lease over": func(c *Child) { _ = c.Renew(time.Millisecond) },
		"shim killed": func(c *Child) { _ = c.shim.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, tag := script(t, `trap '' TERM; for i in 1 2 3; do setsid sh -c 'trap "" TERM HUP; (sleep 1000 & sleep 1000) & sleep 1000' & done; sleep 1000`)
			s.User, s.Dir = &User{UID: stranger, GID: stranger}, "/"
			c := start(t, s)
			grown(t, tag, 10)
			end(c)
			gone(t, tag)
			<-c.Done()
		})
	}
}

func TestAnotherUserIsBarred(t *testing.T) {
	t.Parallel()
	needRoot(t)
	closed := filepath.Join(t.TempDir(), "project") // below a folder that is root's alone
	if err := os.MkdirAll(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(closed, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	user := &User{UID: stranger, GID: stranger}
	for name, s := range map[string]Spec{
		"folder":     {Args: []string{"/bin/true"}, Dir: closed, User: user},
		"executable": {Args: []string{program}, Dir: "/", User: user},
	} {
		_, err := Start(t.Context(), s)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "user 61234") || !strings.Contains(err.Error(), "drwx") ||
			!strings.Contains(err.Error(), closed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLookupUser(t *testing.T) {
	t.Parallel()
	root, err := LookupUser("root")
	if err != nil || root.UID != 0 || root.GID != 0 {
		t.Errorf("%+v, %v", root, err)
	}
	byNumber, err := LookupUser("0")
	if err != nil || byNumber.UID != 0 || byNumber.Home != root.Home {
		t.Errorf("%+v, %v", byNumber, err)
	}
	if u, err := LookupUser("61234"); err != nil || u.UID != stranger || u.GID != stranger || u.Home != "" {
		t.Errorf("%+v, %v", u, err)
	}
	for _, name := range []string{"no-such-user", "-1", "4294967296", ""} {
		if u, err := LookupUser(name); err == nil {
			t.Errorf("%q: %+v", name, u)
		}
	}
}

// /dev/null, which nobody else may own, is not given to the command's user.
func TestDevNullStaysRoots(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := Spec{Args: []string{"/bin/true"}, Dir: "/", User: &User{UID: stranger, GID: stranger}, Stdin: bytes.NewReader(nil)}
	run(t, s)
	info, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 || info.Mode()&fs.ModeCharDevice == 0 {
		t.Errorf("/dev/null is %s of user %d", info.Mode(), stat.Uid)
	}
}
