package notify_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/jobs/process/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen opens a listener in a folder whose name is short.
func listen(t *testing.T) (l *notify.Listener, path string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "n") //nolint:usetesting // paths of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path = filepath.Join(folder, "n")
	if l, err = notify.Listen(path); err != nil {
		t.Fatal(err)
	}
	return l, path
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

func TestALifeIsHeard(t *testing.T) {
	t.Parallel()
	l, path := listen(t)
	defer l.Close()
	speaker := notify.NewSpeaker(environment(append(l.Environ(), "WATCHDOG_USEC=20000", "WATCHDOG_PID="+strconv.Itoa(os.Getpid()))...))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- speaker.Run(ctx) }()
	for i, want := range []notify.Message{notify.Ready, notify.Alive, notify.Alive} {
		if got := <-l.Messages(); got != want {
			t.Errorf("message %d is %q, want %q", i, got, want)
		}
	}
	stop()
	last := <-l.Messages()
	for last == notify.Alive { // one was under way
		last = <-l.Messages()
	}
	if last != notify.Stopping {
		t.Errorf("the last message is %q", last)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	l, _ := listen(t)
	defer l.Close()
	told := make(chan error, 1)
	go func() {
		told <- notify.NewSpeaker(environment(l.Environ()...)).Tell(notify.Reloading(), notify.Status("two\nlines"))
	}()
	m := <-l.Messages()
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if !m.Has("RELOADING=1") || !m.Has("STATUS=two lines") || !strings.Contains(string(m), "\nMONOTONIC_USEC=") || m.Has("READY=1") {
		t.Errorf("heard %q", m)
	}
}

// A watchdog that is meant for another process is none of ours, and one who hears nobody says nothing.
func TestWhoIsNotMeantIsSilent(t *testing.T) {
	t.Parallel()
	l, path := listen(t)
	speaker := notify.NewSpeaker(environment("NOTIFY_SOCKET="+path, "WATCHDOG_USEC=1000", "WATCHDOG_PID=1"))
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- speaker.Run(ctx) }()
	if first, second := <-l.Messages(), <-l.Messages(); first != notify.Ready || second != notify.Stopping {
		t.Errorf("heard %q and %q", first, second)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	l.Close()
	if err := speaker.Tell(notify.Ready); err == nil {
		t.Error("nobody listens, and that is no error")
	}
	nobody := notify.NewSpeaker(environment())
	if err := nobody.Tell(notify.Ready); nobody != nil || err != nil {
		t.Errorf("%v, %v", nobody, err)
	}
}
