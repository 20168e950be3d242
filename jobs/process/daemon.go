//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"
)

// DaemonSpec says which helper to run and how.
type DaemonSpec struct {
	// Args is the argument list. The first is looked up as that of a Spec is.
	Args []string
	// Dir is the working directory; empty means this process's.
	Dir string
	// Env is the whole environment.
	Env []string
	// Stdin is what it reads; nil is /dev/null.
	Stdin io.Reader
	// Stdout and Stderr take the output; nil drops it. They may be the same writer.
	Stdout, Stderr io.Writer
	// Files are what it finds open from descriptor 3 on. They stay the caller's.
	Files []*os.File
	// Credential is the user it runs as; nil means this process's.
	Credential *syscall.Credential
	// AmbientCaps are the capabilities it keeps as another user. Linux alone.
	AmbientCaps []uintptr
	// StopSignal is what Stop sends, and what the daemon gets when this process dies (Linux alone). Zero
	// is SIGTERM. For Postgres, SIGINT is the fast shutdown.
	StopSignal syscall.Signal
}

// Daemon is a long-running helper process. All methods may be called at any time, from any goroutine.
type Daemon struct {
	process *os.Process
	streams *streams
	stop    syscall.Signal
	done    chan struct{}
	err     error // read after done
}

// StartDaemon starts a helper in a process group of its own. Its errors are those of Start.
func StartDaemon(s DaemonSpec) (*Daemon, error) {
	path, err := s.path()
	if err != nil {
		return nil, fmt.Errorf("start daemon: %w", err)
	}
	st, err := openStreams(s.Stdin, s.Stdout, s.Stderr)
	if err != nil {
		return nil, fmt.Errorf("start daemon: %w", err)
	}
	d := &Daemon{streams: st, stop: s.stopSignal(), done: make(chan struct{})}
	started := make(chan error)
	go d.attend(path, s, started)
	if err := <-started; err != nil {
		st.abandon()
		return nil, fmt.Errorf("start daemon: %w", err)
	}
	return d, nil
}

// attend starts the daemon and waits for it on one thread: the kernel sends the parent-death signal
// when the thread that forked ends, not when the process does.
func (d *Daemon) attend(path string, s DaemonSpec, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	process, err := os.StartProcess(path, s.Args, &os.ProcAttr{
		Dir: s.Dir, Env: append([]string{}, s.Env...), // nil would be ours
		Files: slices.Concat(d.streams.theirs[:], s.Files), Sys: s.attributes(),
	})
	if err != nil {
		started <- refused("execute", err)
		return
	}
	d.process = process
	d.streams.handedOver()
	d.streams.pump()
	started <- nil
	defer close(d.done)
	state, err := process.Wait()
	d.killGroup() // it held the output open
	d.err = errors.Join(err, exitError(state), d.streams.finish())
}

// PID is its process id, which is its process group too.
func (d *Daemon) PID() int { return d.process.Pid }

// Done is closed when the daemon has ended.
func (d *Daemon) Done() <-chan struct{} { return d.done }

// Wait waits for its end. The error is nil after an exit of 0; otherwise it holds an *ExitError.
func (d *Daemon) Wait() error {
	<-d.done
	return d.err
}

// Signal sends a signal to the daemon itself; os.ErrProcessDone if it has ended.
func (d *Daemon) Signal(sig syscall.Signal) error { return d.process.Signal(sig) }

// Stop sends the stop signal and waits for the end. When the context ends before, it kills the process
// group and answers the context's cause. What is left in the group is killed in any case. A daemon that
// has ended is no error, however it ended.
func (d *Daemon) Stop(ctx context.Context) error {
	_ = d.Signal(d.stop) // fails only if it has ended
	select {
	case <-d.done:
		return nil
	case <-ctx.Done():
		d.killGroup()
		<-d.done
		return fmt.Errorf("stop daemon: killed: %w", context.Cause(ctx))
	}
}

func (d *Daemon) killGroup() { _ = syscall.Kill(-d.PID(), syscall.SIGKILL) }

func (s DaemonSpec) stopSignal() syscall.Signal {
	if s.StopSignal == 0 {
		return syscall.SIGTERM
	}
	return s.StopSignal
}

func (s DaemonSpec) path() (string, error) {
	spec := Spec{Args: s.Args, Dir: s.Dir, Env: s.Env}
	if err := spec.validate(); err != nil {
		return "", err
	}
	return lookup(s.Args[0], s.Dir, s.Env)
}
