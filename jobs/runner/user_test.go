package runner_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"freshet/jobs"
	"freshet/jobs/process"
	"freshet/jobs/runner"
)

// stranger is nobody's number on this machine.
const stranger = 61234

// newForeign is a bench whose commands run as another user, in workspaces that it can get to.
func newForeign(t *testing.T) *bench {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may run commands as somebody else")
	}
	root, err := os.MkdirTemp("", "foreign-") //nolint:usetesting // others may not enter the test's own
	if err == nil {
		err = os.Chmod(root, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	b := newBench(t, "")
	b.host.Root = filepath.Join(root, "workspaces")
	b.host.User = &process.User{UID: stranger, GID: stranger}
	b.spec.Cwd = jobs.CwdWorkspace
	return b
}

func TestCommandOfAnotherUser(t *testing.T) {
	t.Parallel()
	b := newForeign(t).sh(`
		set -e
		id -u
		cat "$FRESHET_INPUT"; echo
		stat -c '%a %u' "$FRESHET_WORKSPACE/.." "$FRESHET_INPUT" "$FRESHET_EVENTS" "$FRESHET_ARTIFACTS" "$TMPDIR" .
		[ "$HOME" = "$TMPDIR" ]
		echo '{"output":{"done":true}}' >> "$FRESHET_EVENTS"
		echo kept > "$FRESHET_ARTIFACTS/file.txt"
		echo more > "$TMPDIR/x"; rm "$FRESHET_INPUT"
		ls "$FRESHET_WORKSPACE/../.." 2>/dev/null && echo sees the others
		echo to stderr > /dev/stderr`)
	ending := b.run(t.Context())
	wantCompleted(t, ending)
	own := "61234\n{\"name\":\"x y\"}\n700 61234\n600 61234\n600 61234\n700 61234\n700 61234\n700 61234\n"
	if got := b.sink.text(jobs.Stdout); got != own {
		t.Errorf("stdout %q; want %q", got, own)
	}
	if got := b.sink.text(jobs.Stderr); got != "to stderr\n" {
		t.Errorf("stderr %q", got)
	}
	if b.sink.artifacts["file.txt"].content != "kept\n" || string(ending.Output) != `{"done":true}` {
		t.Errorf("artifacts %v, output %s", sortedNames(b.sink.artifacts), ending.Output)
	}
}

// The home of a user that has one is what HOME says.
func TestHomeOfAnotherUser(t *testing.T) {
	t.Parallel()
	b := newForeign(t).sh(`echo $HOME`)
	b.host.User.Home = "/home/stranger"
	wantCompleted(t, b.run(t.Context()))
	if got := b.sink.text(jobs.Stdout); got != "/home/stranger\n" {
		t.Errorf("HOME %q", got)
	}
}

// The workspace is the other user's, who may put there what it likes; what waits to be stored it cannot read.
func TestSpoolIsClosedToAnotherUser(t *testing.T) {
	t.Parallel()
	b := newForeign(t).sh(`
		echo up
		while [ ! -e go ]; do sleep 0.05; done
		cat ../spool-* 2>/dev/null && echo read
		ls -ln .. | grep spool | cut -c1-10
		for fd in /proc/[0-9]*/fd/*; do case $(readlink $fd 2>/dev/null) in *spool-*) echo found $fd;; esac; done
		exit 0`)
	wait := b.begin(t.Context())
	b.sink.await("the command", func() bool { return b.sink.text(jobs.Stdout) == "up\n" })
	// As it is for an instant, when the spool has just been made and not removed yet.
	if err := os.WriteFile(b.file("spool-TEST"), []byte("a record\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.file("work/go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ending, err := wait()
	if err != nil {
		t.Fatal(err)
	}
	wantCompleted(t, ending)
	if got := b.sink.text(jobs.Stdout); got != "up\n-rw-------\n" {
		t.Errorf("stdout %q", got)
	}
}

func TestProjectIsClosedToAnotherUser(t *testing.T) {
	t.Parallel()
	b := newForeign(t).sh(`true`)
	b.spec.Cwd = jobs.CwdProject // a folder of the test, below one that is root's alone
	ending := b.run(t.Context())
	wantFailure(t, ending, jobs.CodeNotStarted, "user 61234, as whom it is to run, cannot get to "+b.host.Project)
	if !strings.Contains(ending.Failure.Message, "drwx------") {
		t.Errorf("message %q", ending.Failure.Message)
	}
}

// A workspace that a dead worker left to another user is swept as any.
func TestSweepOfAnotherUser(t *testing.T) {
	t.Parallel()
	b := newForeign(t)
	dead := filepath.Join(b.host.Root, "000000000000001-3")
	if err := os.MkdirAll(filepath.Join(dead, "work"), 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(filepath.Dir(b.host.Root), "outside")
	for _, err := range []error{
		os.WriteFile(outside, nil, 0o600), os.Symlink(outside, filepath.Join(dead, "work", "link")),
		os.Symlink(filepath.Dir(outside), filepath.Join(dead, "artifacts")), os.Lchown(dead, stranger, stranger), os.Chmod(dead, 0o500),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := (&runner.Host{Root: b.host.Root}).Sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dead); !os.IsNotExist(err) {
		t.Errorf("the workspace is there: %v", err)
	}
	if info, err := os.Stat(outside); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("what a link led to was touched: %v", err)
	}
}

// What a command links to from its artifacts is not read by a worker that could.
func TestArtifactsOfAnotherUser(t *testing.T) {
	t.Parallel()
	b := newForeign(t)
	secret := filepath.Join(filepath.Dir(b.host.Root), "secret")
	if err := os.WriteFile(secret, []byte("root's own"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.sh(`cd "$FRESHET_ARTIFACTS"; echo mine > mine; ln -s ` + secret + ` link; ln -s /etc folder; ln ` + secret + ` hard 2>/dev/null; mkfifo pipe; exit 0`)
	wantCompleted(t, b.run(t.Context()))
	if names := sortedNames(b.sink.artifacts); !slices.Equal(names, []string{"mine"}) {
		t.Errorf("artifacts %q", names)
	}
}
