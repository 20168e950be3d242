//go:build unix

package shim

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"freshet/jobs/process/limit"
	"freshet/jobs/process/sandbox"
)

// start executes the command, in a process group of its own, and lets go of its standard streams. score is
// the shim's for the kernel's choice of whom to kill.
func (f *family) start(score *os.File) error {
	restore := preferForOOM(score)
	defer restore()
	if err := boundFiles(f.command.OpenFiles); err != nil {
		return err
	}
	if f.command.User != nil {
		if err := renounce(); err != nil {
			return err
		}
	}
	fork := f.fork
	if f.command.Sandbox != nil {
		fork = f.confined
	}
	pid, err := fork()
	if err != nil && f.guard != nil {
		// Perhaps it was the control group that refused.
		_ = f.guard.Close()
		f.guard = limit.Watch(os.Getpid(), limitsOf(f.command))
		pid, err = fork()
	}
	if err != nil {
		return err
	}
	f.main = pid
	releaseStreams()
	// Once more: the fork shared this memory until it executed, and its change of user may have taken it back.
	_ = conceal() // as it could before
	return nil
}

// boundFiles bounds how many files each process from here on may have open, if it may not have fewer already.
// The command cannot raise it, unless it is root. The shim needs few.
func boundFiles(most int) error {
	if most == 0 {
		return nil
	}
	var bound syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &bound); err != nil {
		return err
	}
	bound.Max = min(bound.Max, uint64(most))
	bound.Cur = bound.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &bound)
}

func (f *family) fork() (pid int, err error) {
	attr := &syscall.ProcAttr{Dir: f.command.Dir, Env: f.command.Env, Files: []uintptr{0, 1, 2}, Sys: attributes()}
	attr.Sys.Credential = f.command.User
	if f.guard != nil {
		if err := f.guard.Enter(attr.Sys); err != nil {
			return 0, err
		}
		defer f.guard.Leave()
	}
	if rules := f.command.Sandbox; rules != nil {
		if err := sandbox.Apply(*rules); err != nil {
			return 0, unconfinedError{err}
		}
	}
	return syscall.ForkExec(f.command.Path, f.command.Args, attr)
}

// confined forks from a thread of its own, so that the shim itself, which has to look after the command and to
// kill it, is not confined. The thread stays, because the command dies with it.
func (f *family) confined() (pid int, err error) {
	done := make(chan struct{})
	go func() { // lives as long as the process, unless it has failed
		runtime.LockOSThread()
		pid, err = f.fork()
		close(done)
		if err == nil {
			select {}
		}
	}()
	<-done
	return pid, err
}

// unconfinedError says why the sandbox could not be made, without which nothing runs.
type unconfinedError struct{ err error }

func (e unconfinedError) Error() string { return fmt.Sprintf("sandbox: %s", e.err) }

// releaseStreams leaves the command the only holder of its streams, so that their ends mean something.
// Without it they would end with the shim, which is soon enough.
func releaseStreams() {
	null, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for fd := range 3 {
		_ = duplicate(null, fd)
	}
	_ = syscall.Close(null)
}
