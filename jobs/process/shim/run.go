//go:build unix

package shim

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"freshet/jobs/process/lifeline"
)

// run is the whole life of a shim; it answers the exit status, which nobody reads.
func run() int {
	syscall.CloseOnExec(lifeline.FD)
	worker := lifeline.NewShim(os.NewFile(lifeline.FD, "lifeline"))
	score := openScore()
	umask, err := settle()
	if err != nil {
		_ = worker.NotRun(refusal("prepare the shim", err))
		return 1
	}
	command, err := worker.Command()
	if err != nil {
		return 1
	}
	if command.KeepUmask {
		syscall.Umask(umask)
	}
	f := newFamily(worker, command)
	if err := f.start(score); err != nil {
		_ = worker.NotRun(refusal("execute", err))
		return 1
	}
	_ = worker.Started(lifeline.Started{PID: f.main}) // if the worker is gone, the lifeline says so too
	if err := worker.Ended(f.attend()); err != nil {
		return 1
	}
	return 0
}

// refusal is an error as far as it can cross the lifeline.
func refusal(op string, err error) lifeline.NotRun {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return lifeline.NotRun{Op: op + ": " + err.Error()}
	}
	return lifeline.NotRun{Op: op, Errno: errno}
}

// settle makes the process a shim, before it has children. The worker gave it a session of its own, so
// that a terminal's Ctrl-C does not reach it. It answers the umask that the worker gave it.
func settle() (umask int, err error) {
	// Caught and dropped, not ignored: what is ignored would stay so in the command.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := adopt(); err != nil {
		return 0, fmt.Errorf("become a subreaper: %w", err)
	}
	umask = syscall.Umask(0o077)
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return 0, fmt.Errorf("forbid core files: %w", err)
	}
	if err := conceal(); err != nil {
		return 0, fmt.Errorf("conceal the shim: %w", err)
	}
	return umask, sealDescriptors()
}
