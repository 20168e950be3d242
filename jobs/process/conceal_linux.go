package process

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Conceal keeps other processes of this process's user, the commands of tasks above all, from reading its
// environment, its memory and its open files, and from tracing it. Root is not kept from it. Each process
// has to do it for itself, for an exec takes it back; a shim does.
//
// Afterwards the files in /proc of the process are root's: what has to be written there is to be written
// before, maps of user namespaces for example.
func Conceal() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("conceal the process: %w", err)
	}
	return nil
}
