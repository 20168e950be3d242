package process

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// binary is the running binary, also after a deploy replaced its file.
func binary() (string, error) { return "/proc/self/exe", nil }

// Adopt makes this process the one that orphans below it come to, so that it can kill what a dead shim
// leaves. A worker calls it once, before its first Start.
//
// A program that adopts must not start processes in sessions of their own (Setsid) but through this
// package: they would be taken for such orphans when a shim dies.
func Adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	return nil
}
