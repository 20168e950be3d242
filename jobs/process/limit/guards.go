//go:build unix

package limit

import (
	"errors"
	"slices"
	"syscall"
)

// guards are several as one, each with limits of its own.
type guards []Guard

func (all guards) Enter(attr *syscall.SysProcAttr) error {
	for i, g := range all {
		if err := g.Enter(attr); err != nil {
			all[:i].Leave()
			return err
		}
	}
	return nil
}

func (all guards) Leave() {
	for _, g := range slices.Backward(all) {
		g.Leave()
	}
}

func (all guards) Exceeded() Excess {
	for _, g := range all {
		if excess := g.Exceeded(); excess != None {
			return excess
		}
	}
	return None
}

func (all guards) Close() (err error) {
	for _, g := range all {
		err = errors.Join(err, g.Close())
	}
	return err
}
