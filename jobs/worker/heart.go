package worker

import (
	"context"
	"errors"
	"time"

	"freshet/jobs"
	"freshet/jobs/runner"
)

// ErrDead: the worker counts as dead, or would soon, because it could not beat.
var ErrDead = errors.New("the worker lost its lease")

// fastBeat is how often a worker beats while its session is lost, since that is a sign of death and a
// beat the only one of life; and after a beat that failed.
const fastBeat = 500 * time.Millisecond

// BeatNow has the worker beat at once. It never blocks.
func (p *Pool) BeatNow() {
	select {
	case p.pulse <- struct{}{}:
	default:
	}
}

// allowed is how long attempts go on after the last good beat: they are dead before the lease is over,
// whichever clock is right.
func (p *Pool) allowed() time.Duration { return p.Worker.Lease - p.Worker.Lease/10 }

// renew hands on what a beat that began at a time has given.
func (p *Pool) renew(began time.Time) { p.Runner.Renew(p.allowed() - time.Since(began)) }

// beatAll says that the worker lives until ctx ends, or it does not any more. began is when it last was
// known to.
func (p *Pool) beatAll(ctx context.Context, began time.Time) {
	pause := p.Beat
	for {
		if p.Worker.Session && !p.Hearing() {
			pause = fastBeat
		}
		if !p.await(ctx, min(pause, time.Until(began.Add(p.allowed())))) {
			return
		}
		beat := time.Now()
		over, err := p.beat(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			began, pause = beat, p.Beat
			p.renew(began)
			if over {
				p.leaveForGood()
			}
			continue
		}
		pause = fastBeat
		p.Logger.Warn("worker could not beat", "worker", p.Worker.ID, "error", err)
		if errors.Is(err, jobs.ErrNotFound) || time.Since(began) >= p.allowed() {
			p.die()
			return
		}
	}
}

func (p *Pool) beat(ctx context.Context) (over bool, err error) {
	beating, cancel := context.WithTimeout(ctx, p.Beat)
	defer cancel()
	return p.Heart.Beat(beating, p.Worker.ID)
}

// await waits until the next beat is due. False: ctx has ended.
func (p *Pool) await(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-p.pulse:
	case <-timer.C:
	}
	return true
}

// die kills what runs, and has the worker leave.
func (p *Pool) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaving = true
	close(p.dead)
	for _, stop := range p.running {
		stop(runner.ErrLeaseLost)
	}
}
