package fleettest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// role is the argument with which a test binary is a worker.
const role = "fleettest-worker"

// The signals on which a worker ends by itself, as one that is idle does, and as one that crashes.
const (
	idle  = syscall.SIGUSR1
	crash = syscall.SIGUSR2
)

// CrashCode is what a worker that crashes exits with.
const CrashCode = 3

// Main is the TestMain of a package that uses Host: its test binary is the workers too.
func Main(m *testing.M) {
	if slices.Contains(os.Args, role) {
		os.Exit(work())
	}
	goleak.VerifyTestMain(m)
}

// work is a worker that does nothing, until it is told to end or its parent is gone.
func work() int {
	told := make(chan os.Signal, 1)
	signal.Notify(told, idle, crash, syscall.SIGTERM)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is what counts
	}()
	fmt.Fprintln(os.Stdout, "ready")
	select {
	case sig := <-told:
		if sig == crash {
			return CrashCode
		}
	case <-gone:
	}
	return 0
}

// Host runs the processes of a provider that is a stand-in.
type Host struct {
	mu      sync.Mutex
	running map[*Worker]struct{}
}

// NewHost makes a Host, whose processes end with the test.
func NewHost(t *testing.T) *Host {
	t.Helper()
	h := &Host{running: map[*Worker]struct{}{}}
	t.Cleanup(h.close)
	return h
}

// Worker is a process that stands for a worker.
type Worker struct {
	Env map[string]string // what it was given

	cmd  *exec.Cmd
	hold io.Closer // the worker ends with it
	done chan struct{}
	code int
}

// Start starts a process, and returns when it can be told to end.
func (h *Host) Start(env map[string]string) (*Worker, error) {
	cmd := exec.CommandContext(context.Background(), os.Args[0], role) //nolint:gosec // this program; Host ends it
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		hold.Close()
		return nil, errors.Join(err, cmd.Wait())
	}
	w := &Worker{Env: env, cmd: cmd, hold: hold, done: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[w] = struct{}{}
	go h.wait(w)
	return w, nil
}

func (h *Host) wait(w *Worker) {
	var exit *exec.ExitError
	if err := w.cmd.Wait(); errors.As(err, &exit) {
		w.code = exit.ExitCode()
	}
	h.mu.Lock()
	delete(h.running, w)
	h.mu.Unlock()
	w.hold.Close()
	close(w.done)
}

// Running is how many processes there are.
func (h *Host) Running() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.running)
}

func (h *Host) close() {
	h.mu.Lock()
	var left []*Worker
	for w := range h.running {
		left = append(left, w)
	}
	h.mu.Unlock()
	for _, w := range left {
		w.hold.Close()
		w.Wait()
	}
}

// Signal tells a worker something from outside. One that has ended is not told.
func (w *Worker) Signal(sig os.Signal) { _ = w.cmd.Process.Signal(sig) }

// End has a worker end by itself: with 0 as one that is idle, else as one that crashes, with CrashCode.
func (w *Worker) End(code int) {
	switch code {
	case 0:
		w.Signal(idle)
	case CrashCode:
		w.Signal(crash)
	default:
		panic("fleettest: a worker exits with 0 or CrashCode, not " + strconv.Itoa(code))
	}
	<-w.done
}

// Wait waits for the end of a worker and answers its exit code, -1 after a signal that killed it.
func (w *Worker) Wait() int {
	<-w.done
	return w.code
}
