// Package process starts workers as processes of this machine. Their deaths are seen at once.
package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/crew"
	"freshet/jobs/fleet"
)

// bootTime is how long a worker may take to register: it is a few connections.
const bootTime = 30 * time.Second

// Fleet is the processes of one pool. A unit's id is its intent.
type Fleet struct {
	crew    *crew.Crew
	program crew.Program
	exited  func(intent uuid.UUID, end error)

	mu      sync.Mutex
	started map[uuid.UUID]fleet.Unit // those that live
}

// New makes the provider of a pool. The program's processes find in FRESHET_UNIT what they are to register with;
// exited is told when one has ended.
func New(workers *crew.Crew, program crew.Program, exited func(intent uuid.UUID, end error)) fleet.Provider {
	f := &Fleet{crew: workers, program: program, exited: exited, started: map[uuid.UUID]fleet.Unit{}}
	return fleet.Provider{Fleet: f, BootTime: bootTime}
}

// List tells of the processes that live, also of those that a killed supervisor left.
func (f *Fleet) List(context.Context) ([]fleet.Unit, error) {
	var units []fleet.Unit
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, status := range f.crew.Status() {
		if status.Program != f.program.Name || status.ID == nil {
			continue
		}
		unit, mine := f.started[*status.ID]
		if !mine {
			unit = fleet.Unit{ID: status.ID.String(), Intent: *status.ID, Since: status.Since}
		}
		unit.State = stateOf(status.State)
		units = append(units, unit)
	}
	return units, nil
}

func stateOf(state crew.State) fleet.State {
	switch state {
	case crew.Starting:
		return fleet.Starting
	case crew.Ready:
		return fleet.Running
	default: // a process without a slot is in no other state
		return fleet.Stopping
	}
}

// Start starts a process. What this machine refuses once, it may do the next time.
func (f *Fleet) Start(ctx context.Context, order fleet.Order) (string, error) {
	id := order.Intent.String()
	f.mu.Lock()
	f.started[order.Intent] = fleet.Unit{ID: id, Intent: order.Intent, Generation: order.Generation, Since: time.Now()}
	f.mu.Unlock()
	err := f.crew.Launch(ctx, f.program, order.Intent, func(end error) {
		f.forget(order.Intent)
		f.exited(order.Intent, end)
	})
	if err == nil {
		return id, nil
	}
	if ctx.Err() != nil && !errors.Is(err, crew.ErrEnded) {
		return "", err // it may start yet
	}
	f.forget(order.Intent)
	return "", fmt.Errorf("%w: %w", fleet.ErrRefused, err)
}

func (f *Fleet) forget(intent uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.started, intent)
}

// Stop ends a process: it is told to, and killed when its time to stop is up.
func (f *Fleet) Stop(ctx context.Context, id string) error {
	intent, err := uuid.Parse(id)
	if err != nil {
		return nil //nolint:nilerr // no process has such an id
	}
	return f.crew.End(ctx, intent)
}

// Destroy is Stop: nothing is kept of a process.
func (f *Fleet) Destroy(ctx context.Context, id string) error { return f.Stop(ctx, id) }
