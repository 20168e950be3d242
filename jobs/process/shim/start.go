//go:build unix

package shim

import (
	"os"
	"syscall"

	"freshet/jobs/process/memory"
)

// start executes the command, in a process group of its own, and lets go of its standard streams. score is
// the shim's for the kernel's choice of whom to kill.
func (f *family) start(score *os.File) error {
	restore := preferForOOM(score)
	defer restore()
	if f.command.User != nil {
		if err := renounce(); err != nil {
			return err
		}
	}
	pid, err := f.fork()
	if err != nil && f.guard != nil {
		// Perhaps it was the control group that refused.
		_ = f.guard.Close()
		f.guard = memory.Watch(os.Getpid(), f.command.Memory)
		pid, err = f.fork()
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

func (f *family) fork() (pid int, err error) {
	attr := &syscall.ProcAttr{Dir: f.command.Dir, Env: f.command.Env, Files: []uintptr{0, 1, 2}, Sys: attributes()}
	attr.Sys.Credential = f.command.User
	if f.guard != nil {
		if err := f.guard.Enter(attr.Sys); err != nil {
			return 0, err
		}
		defer f.guard.Leave()
	}
	return syscall.ForkExec(f.command.Path, f.command.Args, attr)
}

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
