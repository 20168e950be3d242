package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"freshet/jobs"
)

// idleness knows since when nothing runs.
type idleness struct {
	mu      sync.Mutex
	running int
	since   time.Time
}

func (i *idleness) begin() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running++
}

func (i *idleness) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running--
	i.since = time.Now()
}

// span is how long nothing has run by now; zero while something does.
func (i *idleness) span() time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.running > 0 {
		return 0
	}
	return time.Since(i.since)
}

// watchIdleness has the worker leave when it had nothing to do for its idle time, until ctx ends.
func (p *Pool) watchIdleness(ctx context.Context) {
	// Workers that were started together do not look together.
	patience := p.IdleTimeout + time.Duration(rand.Float64()*float64(p.IdleTimeout)/10) //nolint:gosec // no secret
	for {
		wait := patience - p.idle.span()
		if wait <= 0 {
			left, err := p.retire(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				p.Logger.Warn("worker could not find out whether it may leave", "worker", p.Worker.ID, "error", err)
			case left:
				return
			}
			wait = patience
		}
		if !rest(ctx, wait) {
			return
		}
	}
}

func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// retire says that the worker is about to leave, and then looks once more: a task that came before this was
// said may count on it, and any that comes later does not. So it leaves nothing behind. What it still fetches
// after that it gives back, for another was started for it.
func (p *Pool) retire(ctx context.Context) (left bool, err error) {
	granted, err := p.Store.Retire(ctx, p.Worker.ID)
	if err != nil || !granted {
		return false, err
	}
	waits, err := p.Store.Waiting(ctx, p.Worker.Pool, p.Worker.ID)
	if err == nil && !waits && p.idle.span() > 0 {
		p.goOnce.Do(func() { close(p.gone) })
		return true, nil
	}
	stay := p.Store.Stay(ctx, p.Worker.ID)
	if errors.Is(stay, jobs.ErrNotFound) {
		stay = nil // it counts as dead, which the next beat finds out
	}
	return false, errors.Join(err, stay)
}

// leaveForGood has the worker fetch no more, and leave when what runs has finished: its generation is over.
func (p *Pool) leaveForGood() {
	p.goOnce.Do(func() {
		p.Logger.Info("the worker's generation is over", "worker", p.Worker.ID)
		close(p.gone)
	})
}
