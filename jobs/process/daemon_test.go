//go:build linux

package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func daemonScript(t *testing.T, text string) (DaemonSpec, string) {
	t.Helper()
	s, tag := script(t, text)
	return DaemonSpec{Args: s.Args, Env: s.Env}, tag
}

func TestDaemonStops(t *testing.T) {
	t.Parallel()
	s, tag := daemonScript(t, `trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.02; done`)
	out := &watched{}
	s.Stdout, s.Stderr, s.StopSignal = out, out, syscall.SIGINT
	d, err := StartDaemon(s)
	if err != nil {
		t.Fatal(err)
	}
	out.has(t, "ready")
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	var exit *ExitError
	if err := d.Wait(); !errors.As(err, &exit) || exit.Code != 4 || out.String() != "ready\ninterrupted\n" {
		t.Errorf("%v, wrote %q", err, out)
	}
	if err := d.Signal(syscall.SIGINT); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal after the end: %v", err)
	}
	gone(t, tag)
}

func TestDaemonIsKilledInTheEnd(t *testing.T) {
	t.Parallel()
	s, tag := daemonScript(t, `trap "" TERM; sh -c 'trap "" TERM; echo ready; sleep 1000; :'; :`)
	out := &watched{}
	s.Stdout = out
	d, err := StartDaemon(s)
	if err != nil {
		t.Fatal(err)
	}
	out.has(t, "ready")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errBroken)
	defer cancel()
	if err := d.Stop(ctx); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	var exit *ExitError
	if err := d.Wait(); !errors.As(err, &exit) || exit.Signal != "SIGKILL" || exit.Code != -1 {
		t.Error(err)
	}
	gone(t, tag)
}

// What a daemon leaves in its process group ends with it, and does not hold the output open.
func TestDaemonTakesItsGroupAlong(t *testing.T) {
	t.Parallel()
	s, tag := daemonScript(t, "sleep 1000 & echo done")
	out := &watched{}
	s.Stdout = out
	d, err := StartDaemon(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(); err != nil || out.String() != "done\n" {
		t.Errorf("%v, wrote %q", err, out)
	}
	gone(t, tag)
}

func TestDaemonNotStarted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want error
	}{{[]string{"/no/such"}, ErrNotFound}, {nil, ErrInvalid}, {[]string{"/bin/true", strings.Repeat("x", 200<<10)}, ErrInvalid}} {
		if _, err := StartDaemon(DaemonSpec{Args: test.args, Stdout: &watched{}}); !errors.Is(err, test.want) {
			t.Errorf("%q: %v", test.args[:min(1, len(test.args))], err)
		}
	}
}

// A kill -9 of the parent reaches the daemon, as the same user and as another with capabilities left.
func TestDaemonDiesWithItsParent(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"parent", "root parent"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			if role == "root parent" && os.Getuid() != 0 {
				t.Skip("needs root")
			}
			s, tag := script(t, `trap 'echo interrupted; exit' INT; echo ready; id -u; grep CapEff /proc/$$/status; while :; do sleep 0.02; done`)
			path, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, s.Args...)
			cmd.Env = append([]string{roleVar + "=" + role}, s.Env...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			var said []string
			for lines.Scan() {
				if said = append(said, lines.Text()); len(said) == 4 {
					_ = cmd.Process.Kill()
				}
			}
			_ = cmd.Wait()
			gone(t, tag)
			all := strings.Join(said, "\n")
			if role == "root parent" && (!strings.Contains(all, "65534") || !strings.Contains(all, "CapEff:\t0000000000000002")) {
				t.Errorf("not another user with CAP_DAC_OVERRIDE: %q", all)
			}
		})
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	s, _ := daemonScript(t, "echo out; echo err >&2")
	if got, err := Output(t.Context(), s); err != nil || string(got) != "out\n" {
		t.Errorf("%q, %v", got, err)
	}
	s, _ = daemonScript(t, fmt.Sprintf("echo out; printf %%0%dd 1 >&2; echo the end >&2; exit 9", 100<<10))
	got, err := Output(t.Context(), s)
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 9 || string(got) != "out\n" {
		t.Errorf("%q, %v", got, err)
	}
	if text := err.Error(); len(text) > tailLimit+100 || !strings.HasSuffix(text, "the end") {
		t.Errorf("error of %d bytes: %.100q", len(text), text)
	}
}

func TestOutputEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errBroken)
	defer cancel()
	s, tag := daemonScript(t, "sleep 1000 & sleep 1000")
	if _, err := Output(ctx, s); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	gone(t, tag)
}
