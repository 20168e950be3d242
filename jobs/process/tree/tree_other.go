//go:build unix && !linux

package tree

import (
	"iter"
	"syscall"
)

// Status is what the kernel says about one process.
type Status struct {
	Parent, Group, Session int
	Threads                int  // at least one
	Dead                   bool // it has ended and waits to be reaped
}

// Read finds nothing here.
func Read(int) (Status, error) { return Status{}, syscall.ENOSYS }

// Children finds nothing here.
func Children(int) []int { return nil }

// Walk finds nothing here.
func Walk(int) iter.Seq[int] { return func(func(int) bool) {} }
