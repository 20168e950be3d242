package crew

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"freshet/jobs/process"
)

// Launch starts a process of a program, with this id, for which there is no slot: it has the lowest number that is
// free, and when it ends, nothing takes its place. ended is told how it did, after whoever is told of deaths.
// An id whose process lives is not started again.
func (c *Crew) Launch(ctx context.Context, p Program, id uuid.UUID, ended func(end error)) error {
	return c.tell(ctx, func(context.Context) error {
		if c.find(id) != nil {
			return nil
		}
		l, err := c.startAs(p, c.vacant(p.Name), id, 0)
		if err != nil {
			return err
		}
		c.living.Go(func() {
			<-l.done
			c.took(l)
			ended(l.end)
		})
		return nil
	})
}

// End stops a process that was launched, and waits until it has ended. One that is not there is no error.
func (c *Crew) End(ctx context.Context, id uuid.UUID) error {
	l := c.find(id)
	if l == nil {
		return nil
	}
	l.stop()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Crew) find(id uuid.UUID) *life {
	for _, l := range c.alive() {
		if l.id == id {
			return l
		}
	}
	return nil
}

// vacant is the lowest number that no process of a program has.
func (c *Crew) vacant(program string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := map[int]bool{}
	for l := range c.lives {
		if l.program.Name == program {
			taken[l.status.Instance] = true
		}
	}
	instance := 0
	for taken[instance] {
		instance++
	}
	return instance
}

// took says how a launched process ended, where its farewell did not.
func (c *Crew) took(l *life) {
	c.mu.Lock()
	status := l.status
	c.mu.Unlock()
	if status.State == Draining {
		return
	}
	status.State = Stopped
	text := "has left"
	var exit *process.ExitError
	switch {
	case l.end == nil:
	case errors.As(l.end, &exit) && exit.Code == exitRefused:
		status.State, status.Error, text = Errored, l.end.Error(), "refuses to start"
	default:
		status.Error, text = l.end.Error(), "died ("+l.end.Error()+")"
	}
	c.Report(Event{Status: status, Text: text, Trouble: l.end != nil})
}
