package crew

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/process"
)

// Errors of orders.
var (
	ErrEnded   = errors.New("the crew has ended")
	ErrUnknown = errors.New("there is no such program")
	ErrInUse   = errors.New("another supervisor uses the folder")
)

// Config of a Crew.
type Config struct {
	Folder   string        // for what the next supervisor must know, and for sockets; made if it is not there
	Logs     string        // folder of the log files; made if it is not there
	LogSize  int64         // bytes of a log file until it is put aside; zero is 16 MiB
	Watchdog time.Duration // without a sign of life until a process that is ready counts as hung; zero is 30 s
	// Died is told how a process ended, if not well. It may be nil.
	Died func(ctx context.Context, id uuid.UUID, end error) error
	// Report is told what happens. It is called from several goroutines, and must not wait for the crew.
	Report func(Event)
}

// Crew keeps programs alive. Its methods may be called at any time from any goroutine; all that change
// something wait until it is done, one after the other.
type Crew struct {
	Config

	launch  func(p Program, instance int, id uuid.UUID) (body, error)
	sockets string // folder for notifications
	lock    *os.File
	orders  chan order
	ended   chan struct{}

	slotting sync.WaitGroup // the goroutines of the slots
	living   sync.WaitGroup // and those of the processes

	mu    sync.Mutex
	slots map[place]*slot
	lives map[*life]struct{}

	recording sync.Mutex
	rotating  sync.Mutex
}

// place is that of a slot.
type place struct {
	program  string
	instance int
}

// order is something that a goroutine shall do with what it owns.
type order struct {
	do     func(context.Context) error
	answer chan error // has room for one
}

// Run keeps the programs alive until ctx ends, then stops all and returns when they have ended. It is
// called once.
func (c *Crew) Run(ctx context.Context, programs ...Program) error {
	defer c.living.Wait()
	defer c.stopAll()
	defer c.slotting.Wait()
	defer close(c.ended)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := process.Adopt(); err != nil {
		return err
	}
	var hired []*slot
	for _, p := range programs {
		for instance := range p.Instances {
			hired = append(hired, c.hire(ctx, p, instance))
		}
	}
	for _, s := range hired {
		_ = s.tell(ctx, s.begin) // fails only if ctx has ended
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-c.orders:
			o.answer <- o.do(ctx)
		}
	}
}

// Reload makes these the crew's programs. What runs is replaced one by one; what is new is added, and
// what is gone leaves. The first that does not become ready stops the rollout; it and all after it stay
// what they were.
func (c *Crew) Reload(ctx context.Context, programs ...Program) error {
	return c.tell(ctx, func(ctx context.Context) error {
		wanted := map[place]bool{}
		for _, p := range programs {
			for instance := range p.Instances {
				wanted[place{p.Name, instance}] = true
				if err := c.renew(ctx, p, instance); err != nil {
					return fmt.Errorf("the reload stopped at %s: %w", instanceName(p.Name, instance), err)
				}
			}
		}
		for _, s := range c.slotsOf("") {
			if !wanted[s.place] {
				_ = s.tell(ctx, s.dismiss) // fails only if ctx has ended
				c.forgetSlot(s)
			}
		}
		return nil
	})
}

// renew replaces what is in a slot, or makes the slot.
func (c *Crew) renew(ctx context.Context, p Program, instance int) error {
	c.mu.Lock()
	s := c.slots[place{p.Name, instance}]
	c.mu.Unlock()
	if s != nil {
		return s.tell(ctx, func(ctx context.Context) error { return s.replace(ctx, p) })
	}
	s = c.hire(ctx, p, instance)
	err := s.tell(ctx, func(ctx context.Context) error { return s.replace(ctx, p) })
	if err != nil {
		_ = s.tell(ctx, s.dismiss)
		c.forgetSlot(s)
	}
	return err
}

// Restart replaces the instances of a program, and starts those that do not run.
func (c *Crew) Restart(ctx context.Context, program string) error {
	return c.each(ctx, program, func(s *slot) func(context.Context) error {
		return func(ctx context.Context) error {
			s.deaths = restarts{}
			return s.replace(ctx, s.program)
		}
	})
}

// Reset forgets the deaths of a program's instances, and starts at once those that do not run.
func (c *Crew) Reset(ctx context.Context, program string) error {
	return c.each(ctx, program, func(s *slot) func(context.Context) error { return s.reset })
}

// Stop stops the instances of a program, until they are restarted, reset or reloaded.
func (c *Crew) Stop(ctx context.Context, program string) error {
	return c.each(ctx, program, func(s *slot) func(context.Context) error { return s.halt })
}

// Kill kills all at once. It is for a crew that is stopping, and takes too long.
func (c *Crew) Kill() {
	for _, l := range c.alive() {
		l.kill()
	}
}

// each has the slots of a program do something, one after the other.
func (c *Crew) each(ctx context.Context, program string, do func(*slot) func(context.Context) error) error {
	return c.tell(ctx, func(ctx context.Context) error {
		slots := c.slotsOf(program)
		if len(slots) == 0 {
			return fmt.Errorf("%w: %q", ErrUnknown, program)
		}
		for _, s := range slots {
			if err := s.tell(ctx, do(s)); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
		}
		return nil
	})
}

// tell has Run do something, and waits until it is done.
func (c *Crew) tell(ctx context.Context, do func(context.Context) error) error {
	o := order{do, make(chan error, 1)}
	select {
	case c.orders <- o:
	case <-c.ended:
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return <-o.answer
}

// stopAll stops all processes, without waiting.
func (c *Crew) stopAll() {
	for _, l := range c.alive() {
		l.stop()
	}
}
