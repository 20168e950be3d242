//go:build unix

package limit

import (
	"syscall"

	"freshet/jobs/process/tree"
)

// watch adds up what the descendants of a process hold, and how many they are.
type watch struct {
	root   int
	limits Limits
}

// Watch is the guard without a control group: it looks at the descendants of root.
func Watch(root int, limits Limits) Guard { return &watch{root, limits} }

func (*watch) Enter(*syscall.SysProcAttr) error { return nil }
func (*watch) Leave()                           {}
func (*watch) Close() error                     { return nil }

func (w *watch) Exceeded() Excess {
	switch {
	case w.limits.Processes > 0 && w.crowded():
		return Processes
	case w.limits.Memory > 0 && w.full():
		return Memory
	default:
		return None
	}
}

// crowded counts no further than the limit: a tree can grow faster than it is walked.
func (w *watch) crowded() bool {
	count := 0
	for pid := range tree.Walk(w.root) {
		status, err := tree.Read(pid)
		if err != nil {
			continue // reaped meanwhile
		}
		if count += status.Threads; count > w.limits.Processes {
			return true
		}
	}
	return false
}

// full first adds up the resident pages, which is cheap and counts shared ones for each process. Only a
// sum over the limit is worth the true one, for which the kernel walks the page tables.
func (w *watch) full() bool {
	return w.sum(resident) > w.limits.Memory && w.sum(proportional) > w.limits.Memory
}

func (w *watch) sum(of func(pid int) int64) (total int64) {
	for pid := range tree.Walk(w.root) {
		total += of(pid)
	}
	return total
}
