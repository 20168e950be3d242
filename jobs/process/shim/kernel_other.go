//go:build unix && !linux

package shim

import (
	"os"
	"strconv"
	"syscall"

	"freshet/jobs/process/lifeline"
)

// maxrssUnit is what rusage counts the largest resident set in.
const maxrssUnit = 1

// adopts says that orphans come to the shim.
const adopts = false

// adopt does nothing: here orphans go to init, and what leaves the process group is lost from sight.
func adopt() error { return nil }

// sealDescriptors keeps from the command what the shim, or the worker before it, inherited by mistake.
func sealDescriptors() error {
	entries, err := os.ReadDir("/dev/fd")
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
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func duplicate(from, to int) error { return syscall.Dup2(from, to) }

func openScore() *os.File { return nil }

func preferForOOM(*os.File) (restore func()) { return func() {} }

// conceal and renounce have no meaning here.
func conceal() error  { return nil }
func renounce() error { return nil }
