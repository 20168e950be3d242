//go:build unix

package memory

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Interval is how often Exceeded is worth asking.
const Interval = 100 * time.Millisecond

// Guard holds what is started between Enter and Leave, and all that it forks, to a limit.
type Guard interface {
	// Enter prepares the fork of a process that belongs to the tree. The caller is locked to its thread
	// until Leave.
	Enter(*syscall.SysProcAttr) error
	// Leave ends what Enter began.
	Leave()
	// Exceeded says that the limit was hit.
	Exceeded() bool
	// Close removes what the guard made, once the tree is dead.
	Close() error
}

// New makes a guard for what the calling process starts. It falls back to watching, and never fails.
func New(limit int64) Guard {
	pid := os.Getpid()
	for _, place := range places() {
		if g, err := place.group(pid, limit); err == nil {
			return g
		}
	}
	return Watch(pid, limit)
}

// Remove removes the group that the guard of a dead process left, if there is one.
func Remove(pid int) {
	for _, place := range places() {
		_ = rmdir(filepath.Join(place.dir, name(pid)))
	}
}

func name(pid int) string { return "freshet-" + strconv.Itoa(pid) }

// rmdir removes an empty group. The kernel may take a moment to see that it is empty.
func rmdir(dir string) error {
	const pause, patience = 5 * time.Millisecond, 100 * time.Millisecond
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); ; <-ticker.C {
		err := os.Remove(dir)
		if err == nil || os.IsNotExist(err) || time.Now().After(deadline) {
			return err
		}
	}
}
