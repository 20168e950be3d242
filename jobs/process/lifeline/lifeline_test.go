//go:build unix

package lifeline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"freshet/jobs/process/sandbox"
)

func ends(t *testing.T) (*Worker, *Shim) {
	t.Helper()
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ours.Close()
		_ = theirs.Close()
	})
	return NewWorker(ours), NewShim(theirs)
}

func TestMessagesArriveAsSent(t *testing.T) {
	t.Parallel()
	worker, shim := ends(t)
	command := Command{
		Path: "/bin/x", Args: []string{"x", "", "a\nb", "\xff"}, Env: []string{"A=", "B=c d"}, Dir: "",
		Grace: time.Second, Memory: 1 << 40, Watch: true, Processes: 8, OpenFiles: 9,
		User:    &syscall.Credential{Uid: 1, Gid: 1<<32 - 1, Groups: []uint32{3, 4}},
		Sandbox: &sandbox.Rules{Read: []string{"/a b", "/c\nd"}, Write: []string{"/e"}, Dir: "/f", Ports: []int{443, 65535}},
	}
	if err := worker.Run(command); err != nil {
		t.Fatal(err)
	}
	if got, err := shim.Command(); err != nil || !reflect.DeepEqual(got, command) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, send := range []func() error{func() error { return worker.Renew(time.Minute) }, worker.Stop, worker.Kill} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []Order{{Renew: time.Minute}, {Stop: true}, {Kill: true}} {
		if got, err := shim.Order(); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
	ended := Ended{Status: 9, CPU: time.Hour, MaxRSS: 1 << 40, Stragglers: 3, Survivors: 1, OOM: true, Expired: true, Crowded: true}
	for _, err := range []error{shim.Started(Started{PID: 7}), shim.NotRun(NotRun{Op: "execute", Errno: syscall.ENOENT}), shim.Ended(ended)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []any{Started{PID: 7}, NotRun{Op: "execute", Errno: syscall.ENOENT}, ended} {
		if got, err := worker.Receive(); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestEndsAreSeen(t *testing.T) {
	t.Parallel()
	worker, shim := ends(t)
	if err := worker.SetDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := worker.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err := worker.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := shim.Order(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestBrokenMessagesAreRefused(t *testing.T) {
	t.Parallel()
	if err := send(io.Discard, message{kind: 'C', fields: []string{"a\x00b"}}); err == nil {
		t.Error("sent a NUL")
	}
	for _, text := range []string{"C\xff\xff\xff\xff", "C\x00\x00\x00\x05ab", "C\x00"} {
		if m, err := receive(bytes.NewReader([]byte(text))); err == nil {
			t.Errorf("%q was read as %+v", text, m)
		}
	}
	for _, fields := range [][]string{nil, {"p", "d", "1", "x", "f", "0"}, {"p", "d", "1", "1", "f", "3", "a"}, {"p", "d", "1", "1", "f", "-1"}} {
		if c, err := parseCommand(fields); err == nil {
			t.Errorf("%q was read as %+v", strings.Join(fields, " "), c)
		}
	}
}
