package crew

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
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
	Surge    int           // how many processes a rollout replaces at once; zero is 1
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

	// Of Run's goroutine.
	roster map[string]Program // by name
	scaled map[string]int     // instances, where Scale changed them

	slotting sync.WaitGroup // the goroutines of the slots
	living   sync.WaitGroup // and those of the processes

	mu      sync.Mutex
	slots   map[place]*slot
	lives   map[*life]struct{}
	tallies map[string]Tally // by program

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
		c.roster[p.Name] = p
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

// Reload makes these the crew's programs, with as many instances as Scale said, where it did. What runs is
// replaced, Surge at once; what is new is added, and what is gone leaves. The first that does not become
// ready stops the rollout; it and all after it stay what they were.
func (c *Crew) Reload(ctx context.Context, programs ...Program) error {
	return c.tell(ctx, func(ctx context.Context) error {
		wanted, known := map[place]bool{}, map[string]bool{}
		for _, p := range programs {
			if instances, scaled := c.scaled[p.Name]; scaled {
				p.Instances = instances
			}
			known[p.Name] = true
			for instance := range p.Instances {
				wanted[place{p.Name, instance}] = true
			}
			err := inTurn(numbers(p.Instances), c.Surge, func(instance int) error { return c.renew(ctx, p, instance) })
			if err != nil {
				return fmt.Errorf("the reload stopped at %w", err)
			}
			c.roster[p.Name] = p
		}
		maps.DeleteFunc(c.roster, func(name string, _ Program) bool { return !known[name] })
		maps.DeleteFunc(c.scaled, func(name string, _ int) bool { return !known[name] })
		for _, s := range c.slotsOf("") {
			if !wanted[s.place] {
				c.dismiss(ctx, s)
			}
		}
		return nil
	})
}

// Scale has a program run as so many instances, also after a reload: what is new must become ready, Surge
// at once, and what is too many leaves.
func (c *Crew) Scale(ctx context.Context, program string, instances int) error {
	return c.tell(ctx, func(ctx context.Context) error {
		p, known := c.roster[program]
		if !known {
			return fmt.Errorf("%w: %q", ErrUnknown, program)
		}
		slots := c.slotsOf(program)
		if len(slots) < instances {
			added := numbers(instances)[len(slots):]
			if err := inTurn(added, c.Surge, func(instance int) error { return c.renew(ctx, p, instance) }); err != nil {
				return err
			}
		}
		for _, s := range slots[min(instances, len(slots)):] {
			c.dismiss(ctx, s)
		}
		c.scaled[program] = instances
		return nil
	})
}

// renew replaces what is in a slot, or makes the slot.
func (c *Crew) renew(ctx context.Context, p Program, instance int) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", instanceName(p.Name, instance), err)
		}
	}()
	c.mu.Lock()
	s := c.slots[place{p.Name, instance}]
	c.mu.Unlock()
	if s != nil {
		return s.tell(ctx, func(ctx context.Context) error { return s.replace(ctx, p) })
	}
	s = c.hire(ctx, p, instance)
	err = s.tell(ctx, func(ctx context.Context) error { return s.replace(ctx, p) })
	if err != nil {
		c.dismiss(ctx, s)
	}
	return err
}

// dismiss ends a slot; its process leaves.
func (c *Crew) dismiss(ctx context.Context, s *slot) {
	_ = s.tell(ctx, s.dismiss) // fails only if ctx has ended
	c.forgetSlot(s)
}

// Restart replaces the instances of a program, Surge at once, and starts those that do not run.
func (c *Crew) Restart(ctx context.Context, program string) error {
	return c.each(ctx, program, c.Surge, func(s *slot) func(context.Context) error {
		return func(ctx context.Context) error {
			s.deaths = restarts{}
			return s.replace(ctx, s.program)
		}
	})
}

// Reset forgets the deaths of a program's instances, and starts at once those that do not run.
func (c *Crew) Reset(ctx context.Context, program string) error {
	return c.each(ctx, program, everyone, func(s *slot) func(context.Context) error { return s.reset })
}

// Stop stops the instances of a program, until they are restarted, reset or reloaded.
func (c *Crew) Stop(ctx context.Context, program string) error {
	return c.each(ctx, program, everyone, func(s *slot) func(context.Context) error { return s.halt })
}

// Hurry sends all a SIGINT. It is for a crew that is stopping: programs take it as word not to wait for
// what they do.
func (c *Crew) Hurry() {
	for _, l := range c.alive() {
		l.hurry()
	}
}

// Kill kills all at once. It is for a crew that is stopping, and takes too long.
func (c *Crew) Kill() {
	for _, l := range c.alive() {
		l.kill()
	}
}

// everyone is more than a program has instances.
const everyone = math.MaxInt

// each has the slots of a program do something, so many at once.
func (c *Crew) each(ctx context.Context, program string, atOnce int, do func(*slot) func(context.Context) error) error {
	return c.tell(ctx, func(ctx context.Context) error {
		if _, known := c.roster[program]; !known {
			return fmt.Errorf("%w: %q", ErrUnknown, program)
		}
		return inTurn(c.slotsOf(program), atOnce, func(s *slot) error {
			if err := s.tell(ctx, do(s)); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
			return nil
		})
	})
}

// inTurn does something with all, so many at once, until it fails.
func inTurn[T any](all []T, atOnce int, do func(T) error) error {
	for some := range slices.Chunk(all, max(atOnce, 1)) {
		failures := make([]error, len(some))
		var group sync.WaitGroup
		for i, one := range some {
			group.Go(func() { failures[i] = do(one) })
		}
		group.Wait()
		if err := errors.Join(failures...); err != nil {
			return err
		}
	}
	return nil
}

// numbers are 0 to n-1.
func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// tell has Run do something, and waits until it is done.
func (c *Crew) tell(ctx context.Context, do func(context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
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
