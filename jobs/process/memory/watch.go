//go:build unix

package memory

import (
	"syscall"

	"freshet/jobs/process/tree"
)

// watch adds up what the descendants of a process hold.
type watch struct {
	root  int
	limit int64
}

// Watch is the guard without a control group: it adds up the memory of the descendants of root.
func Watch(root int, limit int64) Guard { return &watch{root: root, limit: limit} }

func (*watch) Enter(*syscall.SysProcAttr) error { return nil }
func (*watch) Leave()                           {}
func (*watch) Close() error                     { return nil }

// Exceeded first adds up the resident pages, which is cheap and counts shared ones for each process.
// Only a sum over the limit is worth the true one, for which the kernel walks the page tables.
func (w *watch) Exceeded() bool { return w.sum(resident) > w.limit && w.sum(proportional) > w.limit }

func (w *watch) sum(of func(pid int) int64) (total int64) {
	tree.Walk(w.root, func(pid int) { total += of(pid) })
	return total
}
