package crew

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// State is where an instance is; see the package's comment.
type State string

// The states.
const (
	Starting State = "starting"
	Ready    State = "ready"
	Draining State = "draining"
	Backoff  State = "backoff"
	Errored  State = "errored"
	Stopped  State = "stopped"
)

// States are all of them, in their order.
func States() []State { return []State{Starting, Ready, Draining, Backoff, Errored, Stopped} }

// Status is one process of a crew, or a slot that has none.
type Status struct {
	Program  string     `json:"program"`
	Instance int        `json:"instance"`
	State    State      `json:"state"`
	Since    time.Time  `json:"since"`
	ID       *uuid.UUID `json:"id,omitempty"` // of the process
	PID      int        `json:"pid,omitempty"`
	Memory   int64      `json:"memory,omitempty"` // resident bytes at the last look
	Deaths   int        `json:"deaths,omitempty"` // of the slot, since it proved itself or was reset
	Error    string     `json:"error,omitempty"`  // how the last process of the slot ended, if not well
	Retry    *time.Time `json:"retry,omitempty"`  // when it is started again
}

// Name is that of the instance, and of its log file.
func (s Status) Name() string { return instanceName(s.Program, s.Instance) }

func instanceName(program string, instance int) string {
	return program + "-" + strconv.Itoa(instance)
}

// id is a text by which processes are in the order of their birth.
func (s Status) id() string {
	if s.ID == nil {
		return ""
	}
	return s.ID.String()
}

// Event is something that happened to an instance.
type Event struct {
	Status

	Text    string // what happened, as the predicate of a sentence
	Trouble bool   // someone should look
}

// Status lists all that the crew keeps: each slot, and each process that leaves. A process stands for its
// slot as soon as it is there, so that whoever looks when it says something sees what it said.
func (c *Crew) Status() []Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Status
	taken := map[place]bool{}
	for life := range c.lives {
		all = append(all, life.status)
		if life.status.State != Draining {
			taken[place{life.status.Program, life.status.Instance}] = true
		}
	}
	for at, s := range c.slots {
		if s.current == nil && !taken[at] {
			all = append(all, s.vacancy)
		}
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Program, b.Program), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.id(), b.id()))
	})
	return all
}
