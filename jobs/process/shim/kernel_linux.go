package shim

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"freshet/jobs/process/lifeline"
)

// What the syscall package does not name.
const (
	prSetChildSubreaper = 36
	sysCloseRange       = 436 // on every architecture
	closeRangeCloexec   = 1 << 2
)

// maxrssUnit is what rusage counts the largest resident set in.
const maxrssUnit = 1024

// adopts says that orphans come to the shim.
const adopts = true

// adopt makes every orphan below this process its child.
func adopt() error {
	_ = os.WriteFile("/proc/self/comm", []byte(Name), 0) // for ps and top, which would show "exe"
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		return errno
	}
	return nil
}

// sealDescriptors keeps from the command what the shim, or the worker before it, inherited by mistake.
func sealDescriptors() error {
	_, _, errno := syscall.RawSyscall(sysCloseRange, lifeline.FD, 1<<32-1, closeRangeCloexec)
	if errno == 0 {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd") // Linux before 5.11
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= lifeline.FD {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// attributes are those of the command.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func duplicate(from, to int) error { return syscall.Dup3(from, to, 0) }

// preferForOOM lets what is forked now be killed for memory before the worker and the shim are. The
// function it answers takes that back for the shim. Both do what they can.
func preferForOOM() (restore func()) {
	const file, more, most = "/proc/self/oom_score_adj", 500, 1000
	before, err := os.ReadFile(file)
	if err != nil {
		return func() {}
	}
	score, err := strconv.Atoi(string(bytes.TrimSpace(before)))
	if err != nil {
		return func() {}
	}
	_ = os.WriteFile(file, []byte(strconv.Itoa(min(score+more, most))), 0)
	return func() { _ = os.WriteFile(file, before, 0) }
}
