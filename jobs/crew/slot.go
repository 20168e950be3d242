package crew

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"freshet/jobs/process"
)

// relief is how long after a replacement that failed a process may go on being too large or too old.
const relief = time.Minute

// slot is the place of one instance. All but what Status reads belongs to its goroutine.
type slot struct {
	crew *Crew
	place

	orders  chan order
	program Program
	deaths  restarts
	pause   <-chan time.Time // until the next start; nil if none is due
	borne   time.Time        // until then it may be too large or too old
	left    bool             // the slot is no more

	current *life  // nil if there is none; changed under the crew's lock
	vacancy Status // while there is none; likewise
}

// hire makes a slot, in which nothing runs yet.
func (c *Crew) hire(ctx context.Context, p Program, instance int) *slot {
	s := &slot{
		crew: c, place: place{p.Name, instance}, orders: make(chan order), program: p,
		vacancy: Status{Program: p.Name, Instance: instance, State: Starting, Since: time.Now()},
	}
	c.mu.Lock()
	c.slots[s.place] = s
	c.mu.Unlock()
	c.slotting.Go(func() { s.run(ctx) })
	return s
}

func (c *Crew) forgetSlot(s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.slots, s.place)
}

// slotsOf are the slots of a program, or of all, in their order.
func (c *Crew) slotsOf(program string) []*slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*slot
	for at, s := range c.slots {
		if program == "" || at.program == program {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *slot) int {
		return cmp.Or(cmp.Compare(a.place.program, b.place.program), cmp.Compare(a.instance, b.instance))
	})
	return found
}

func (s *slot) name() string { return instanceName(s.place.program, s.instance) }

// tell has the slot's goroutine do something, and waits until it is done.
func (s *slot) tell(ctx context.Context, do func(context.Context) error) error {
	o := order{do, make(chan error, 1)}
	select {
	case s.orders <- o:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return <-o.answer
}

// run looks after the slot until ctx ends or the slot is dismissed. What is in it by then is not its duty.
func (s *slot) run(ctx context.Context) {
	for !s.left {
		var ended <-chan struct{}
		var worn <-chan string
		if s.current != nil {
			ended, worn = s.current.done, s.current.worn
		}
		select {
		case <-ctx.Done():
			return
		case <-ended:
			s.bereaved(s.current.end, s.current.readyFor())
		case <-s.pause:
			_ = s.begin(ctx)
		case why := <-worn:
			s.relieve(ctx, why)
		case o := <-s.orders:
			o.answer <- o.do(ctx)
		}
	}
}

// begin starts a process where there is none. That it cannot be started counts as a death.
func (s *slot) begin(context.Context) error {
	s.pause = nil
	next, err := s.crew.start(s.program, s.instance, s.deaths.count)
	if err != nil {
		s.bereaved(err, 0)
		return nil
	}
	s.occupy(next)
	return nil
}

// bereaved decides what follows the end of the slot's process.
func (s *slot) bereaved(end error, ready time.Duration) {
	var exit *process.ExitError
	switch {
	case end == nil:
		s.vacate(Stopped, nil, 0, "has done its work")
	case errors.As(end, &exit) && exit.Code == exitRefused:
		s.vacate(Errored, end, 0, "refuses to start, and is not started again")
	default:
		pause, errored := s.deaths.died(time.Now(), ready)
		if errored {
			s.vacate(Errored, end, pause, "died too often; there is another try in "+pause.Round(time.Second).String())
		} else {
			s.vacate(Backoff, end, pause, "died, and is started again in "+pause.Round(time.Millisecond).String())
		}
	}
}

// replace puts a new process into the slot when it is ready, and lets the one before leave. If it does
// not become ready, nothing changes.
func (s *slot) replace(ctx context.Context, p Program) error {
	next, err := s.crew.start(p, s.instance, s.deaths.count)
	if err != nil {
		return err
	}
	select {
	case <-next.ready:
	case <-next.done:
		return fmt.Errorf("the new process did not become ready: %w", cmp.Or(next.end, errDoneEarly))
	case <-ctx.Done():
		return context.Cause(ctx) // who ends ctx stops all
	}
	before := s.current
	s.program, s.deaths, s.pause = p, restarts{}, nil
	s.occupy(next)
	if before != nil {
		before.retire()
	}
	return nil
}

var errDoneEarly = errors.New("exit code 0")

// relieve replaces a process that holds too much memory, or is too old.
func (s *slot) relieve(ctx context.Context, why string) {
	if time.Now().Before(s.borne) {
		return
	}
	s.crew.report(s.current, why+", and is replaced", false)
	if err := s.replace(ctx, s.program); err != nil && ctx.Err() == nil {
		s.borne = time.Now().Add(relief)
		s.crew.report(s.current, "could not be replaced: "+err.Error(), true)
	}
}

// reset forgets all deaths.
func (s *slot) reset(ctx context.Context) error {
	s.deaths = restarts{}
	if s.current != nil {
		return nil
	}
	return s.begin(ctx)
}

// halt stops the process and keeps the slot empty.
func (s *slot) halt(ctx context.Context) error {
	if s.current != nil {
		s.current.stop()
		select {
		case <-s.current.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s.deaths = restarts{}
	s.vacate(Stopped, nil, 0, "was stopped")
	return nil
}

// dismiss ends the slot; its process leaves.
func (s *slot) dismiss(context.Context) error {
	s.left = true
	if s.current != nil {
		s.current.retire()
	}
	return nil
}

func (s *slot) occupy(next *life) {
	s.crew.mu.Lock()
	defer s.crew.mu.Unlock()
	s.current = next
}

// vacate empties the slot. A pause of zero means that nothing follows.
func (s *slot) vacate(state State, end error, pause time.Duration, text string) {
	now := time.Now()
	status := Status{Program: s.place.program, Instance: s.instance, State: state, Since: now, Deaths: s.deaths.count}
	if end != nil {
		status.Error = end.Error()
		text += " (" + status.Error + ")"
	}
	s.pause = nil
	if pause > 0 {
		retry := now.Add(pause)
		status.Retry, s.pause = &retry, time.After(pause)
	}
	s.crew.mu.Lock()
	s.current, s.vacancy = nil, status
	s.crew.mu.Unlock()
	s.crew.Report(Event{Status: status, Text: text, Trouble: end != nil})
}
