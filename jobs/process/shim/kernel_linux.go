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
	prSetDumpable       = 4
	prSetChildSubreaper = 36
	prSetNoNewPrivs     = 38
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
	return control(prSetChildSubreaper, 1)
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

// conceal keeps the command, and others of this user, from reading and tracing this process. What it writes
// below /proc/self from then on has to be open already, for these files are root's then.
func conceal() error { return control(prSetDumpable, 0) }

// renounce keeps what this thread forks from ever gaining privileges by executing a program.
func renounce() error { return control(prSetNoNewPrivs, 1) }

func control(option, value uintptr) error {
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, option, value, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func duplicate(from, to int) error { return syscall.Dup3(from, to, 0) }

// openScore opens what says how gladly the kernel kills this process for memory; nil if it cannot.
func openScore() *os.File {
	file, err := os.OpenFile("/proc/self/oom_score_adj", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return file
}

// preferForOOM lets what is forked now be killed for memory before the worker and the shim are. The
// function it answers takes that back for the shim. Both do what they can.
func preferForOOM(score *os.File) (restore func()) {
	const more, most = 500, 1000
	var text [16]byte
	n, err := score.ReadAt(text[:], 0)
	before := bytes.TrimSpace(text[:n])
	value, wrong := strconv.Atoi(string(before))
	if n == 0 && err != nil || wrong != nil {
		return func() {}
	}
	_, _ = score.WriteAt([]byte(strconv.Itoa(min(value+more, most))), 0)
	return func() { _, _ = score.WriteAt(before, 0) }
}
