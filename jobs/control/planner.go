package control

import (
	"fmt"
	"time"

	"freshet/jobs"
	"freshet/jobs/cron"
	"freshet/jobs/kind"
)

const (
	// missedAfter is from when a time counts as missed.
	missedAfter = time.Minute
	// againAfter is when a schedule is looked at again whose times are not known: its time zone may be gone
	// from this machine's list.
	againAfter = time.Hour
)

// planner decides what becomes of due schedules. It compiles each kind once, and is good for one pass.
type planner struct {
	compiled map[string]*kind.Kind // by revision
}

func newPlanner() *planner { return &planner{map[string]*kind.Kind{}} }

// plan makes one task for all the times that have come, unless they were missed and do not count.
func (p *planner) plan(due jobs.DueSchedule) jobs.Tick {
	schedule, err := cron.In(due.Cron, due.Timezone)
	if err != nil {
		return jobs.Tick{NextAt: due.Now.Add(againAfter), At: &due.NextAt, Error: err.Error()}
	}
	at := schedule.Latest(due.NextAt, due.Now)
	tick := jobs.Tick{NextAt: schedule.Next(later(at, due.Now))}
	if due.Missed == jobs.Skip && due.Now.Sub(at) > missedAfter {
		return tick
	}
	tick.At = &at
	submission, err := p.submission(due, at)
	if err != nil {
		tick.Error = err.Error()
		return tick
	}
	tick.Submission = &submission
	return tick
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// submission is the task for a time. What the schedule asks for may fit its kind no longer.
func (p *planner) submission(due jobs.DueSchedule, at time.Time) (jobs.Submission, error) {
	if due.Target == nil {
		return jobs.Submission{}, fmt.Errorf("there is no kind %s", due.Kind)
	}
	target, err := p.compile(due.Target)
	if err != nil {
		return jobs.Submission{}, err
	}
	if err := target.ValidateInput(due.Input); err != nil {
		return jobs.Submission{}, fmt.Errorf("the input does not fit the kind %s: %w", due.Kind, err)
	}
	at = at.UTC()
	asked, err := due.Asked(&at)
	if err != nil {
		return jobs.Submission{}, err
	}
	return target.Submission(due.Target.Revision, asked, due.Now)
}

func (p *planner) compile(status *jobs.KindStatus) (*kind.Kind, error) {
	if known := p.compiled[status.Revision]; known != nil {
		return known, nil
	}
	compiled, err := kind.Compile(status.Kind)
	if err != nil {
		return nil, fmt.Errorf("kind %s is not usable: %w", status.Name, err)
	}
	p.compiled[status.Revision] = compiled
	return compiled, nil
}
