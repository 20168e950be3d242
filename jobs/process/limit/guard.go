//go:build unix

package limit

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Interval is how often Exceeded is worth asking.
const Interval = 100 * time.Millisecond

// Limits is what a tree of processes may take. Zero is no limit.
type Limits struct {
	Memory    int64 // bytes
	Processes int   // each of their threads counts
}

// Excess says which limit was hit.
type Excess int

// The limits, and none of them.
const (
	None Excess = iota
	Memory
	Processes
)

// Guard holds what is started between Enter and Leave, and all that it forks, to limits.
type Guard interface {
	// Enter prepares the fork of a process that belongs to the tree. The caller is locked to its thread
	// until Leave.
	Enter(*syscall.SysProcAttr) error
	// Leave ends what Enter began.
	Leave()
	// Exceeded says which limit was hit, if one was.
	Exceeded() Excess
	// Close removes what the guard made, once the tree is dead.
	Close() error
}

// New makes a guard for what the calling process starts. It falls back to watching, and never fails.
func New(limits Limits) Guard {
	pid := os.Getpid()
	var all guards
	for _, place := range places() {
		share, rest := place.share(limits)
		if share == (Limits{}) || place.v2 && len(all) > 0 { // a process is born in one group of v2
			continue
		}
		if g, err := place.group(pid, share); err == nil {
			all, limits = append(all, g), rest
		}
	}
	if limits != (Limits{}) {
		all = append(all, Watch(pid, limits))
	}
	return all
}

// Remove removes the groups that the guard of a dead process left, if there are some.
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
