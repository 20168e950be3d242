//go:build unix

package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Why a process did not start, or did not end as it should.
var (
	// ErrNotFound: the command does not exist or cannot be executed.
	ErrNotFound = errors.New("command not found")
	// ErrInvalid: no process can be started with these arguments, this environment or this folder.
	ErrInvalid = errors.New("invalid command")
	// ErrLost: the shim died, so how the command ended is not known. Everything below it was killed.
	ErrLost = errors.New("shim was lost")
	// ErrSurvivors: some processes could not be killed.
	ErrSurvivors = errors.New("processes could not be killed")
	// ErrOutputHeld: everything is dead, and still somebody holds the output open.
	ErrOutputHeld = errors.New("output is held open by a foreign process")
)

// ExitError says that a daemon, or a command of Output, did not exit with 0.
type ExitError struct {
	Code   int    // -1 if a signal ended it
	Signal string // such as "SIGKILL"; empty if it exited
}

func (e *ExitError) Error() string {
	if e.Signal != "" {
		return "ended by " + e.Signal
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// exitError is nil for an exit of 0.
func exitError(state *os.ProcessState) error {
	if state == nil || state.Success() {
		return nil
	}
	e := &ExitError{Code: state.ExitCode()}
	if status, ok := state.Sys().(syscall.WaitStatus); ok {
		e.Signal = signalOf(status)
	}
	return e
}

// signalOf names the signal that ended a process; empty if none did.
func signalOf(status syscall.WaitStatus) string {
	if !status.Signaled() {
		return ""
	}
	if name := unix.SignalName(status.Signal()); name != "" {
		return name
	}
	return fmt.Sprintf("SIG%d", int(status.Signal())) // a real-time signal
}

// refused gives the system's refusal to execute something a name of this package.
func refused(op string, err error) error {
	var errno syscall.Errno
	_ = errors.As(err, &errno) // zero matches nothing below
	switch errno {
	case syscall.ENOENT:
		return fmt.Errorf("%w: it, or the interpreter in its first line, does not exist", ErrNotFound)
	case syscall.EACCES:
		return fmt.Errorf("%w: it, or the interpreter in its first line, may not be executed", ErrNotFound)
	case syscall.ENOEXEC:
		return fmt.Errorf("%w: it is neither a program for this machine nor a script that begins with #!", ErrNotFound)
	case syscall.E2BIG:
		return tooLarge()
	default:
		return fmt.Errorf("%s: %w", op, err)
	}
}
