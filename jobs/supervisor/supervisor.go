// Package supervisor runs the parts of one process: it starts them in order and stops them in reverse,
// so that what others stand on goes last, all within one deadline.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Part is one long-running duty of the process. Run returns nil soon after its context ends; if it
// returns before, the whole process stops.
type Part struct {
	Name string
	Run  func(context.Context) error
}

// ErrStopped is the cause with which the parts' contexts end when the process is told to stop.
var ErrStopped = errors.New("the process is stopping")

// ErrDeadline: a part had not returned when the time to stop was up.
var ErrDeadline = errors.New("not stopped in time")

// Run runs the parts until ctx ends or one of them returns. It then stops them, the last one first,
// each after the one before has returned, and gives up on those that are left after the deadline.
// The error is that of the parts that failed, nil after an orderly stop.
func Run(ctx context.Context, deadline time.Duration, parts ...Part) error {
	exits := make(chan error, len(parts))
	started := make([]running, len(parts))
	for i, part := range parts {
		started[i] = start(ctx, part, exits)
	}
	var failures []error
	select {
	case <-ctx.Done():
	case err := <-exits:
		failures = append(failures, err)
	}
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	for i, last := range slices.Backward(started) {
		last.stop(ErrStopped)
		select {
		case <-last.done:
		case <-timer.C:
			for _, left := range started[:i+1] {
				left.stop(ErrStopped)
			}
			return errors.Join(append(failures, fmt.Errorf("%s: %w", last.name, ErrDeadline))...)
		}
	}
	for len(exits) > 0 {
		failures = append(failures, <-exits)
	}
	return errors.Join(failures...)
}

type running struct {
	name string
	stop context.CancelCauseFunc
	done chan struct{}
}

// start runs a part under a context of its own: the process's end must not stop all parts at once.
func start(ctx context.Context, part Part, exits chan<- error) running {
	own, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	r := running{name: part.Name, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		err := part.Run(own)
		switch {
		case err != nil:
			exits <- fmt.Errorf("%s: %w", part.Name, err)
		case own.Err() == nil:
			exits <- fmt.Errorf("%s: ended by itself", part.Name)
		}
	}()
	return r
}
