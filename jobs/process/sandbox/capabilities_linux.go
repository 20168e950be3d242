package sandbox

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

// Of linux/prctl.h.
const (
	prBoundingRead    = 23
	prBoundingDrop    = 24
	prAmbient         = 47
	ambientClear      = 4
	lastCapability    = 63 // that there can ever be
	errNoCapability   = syscall.EINVAL
	errNoneToTakeAway = syscall.EPERM
)

// ofFiles are the capabilities that root keeps: with files that others own, with users, with its own processes and
// with low ports. Those that the kernel lets past Landlock are not among them, such as CAP_PERFMON, with which
// the environment of any process can be read, or CAP_SYS_MODULE.
func ofFiles() []uintptr {
	const chown, override, owner, setid, kill, setgid, setuid, bind = 0, 1, 3, 4, 5, 6, 7, 10
	return []uintptr{chown, override, owner, setid, kill, setgid, setuid, bind}
}

// dropCapabilities takes effect when this thread, or what it forks, executes a program. Who is not root has none to
// take away but the ambient ones.
func dropCapabilities() error {
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prAmbient, ambientClear, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("clear ambient capabilities: %w", errno)
	}
	for number := range uintptr(lastCapability + 1) {
		if slices.Contains(ofFiles(), number) {
			continue
		}
		held, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prBoundingRead, number, 0, 0, 0, 0)
		if errno == errNoCapability {
			return nil // the kernel has no more
		}
		if held == 0 {
			continue
		}
		_, _, errno = syscall.RawSyscall6(syscall.SYS_PRCTL, prBoundingDrop, number, 0, 0, 0, 0)
		if errno == errNoneToTakeAway && os.Geteuid() != 0 {
			return nil
		}
		if errno != 0 {
			return fmt.Errorf("drop capability %d: %w", number, errno)
		}
	}
	return nil
}
