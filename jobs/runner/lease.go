package runner

import (
	"sync"
	"time"

	"freshet/jobs/process"
)

// lease is how long the attempts of a host may go on without word from the worker. Host and shims watch
// it each for themselves: the shim of a frozen worker must kill without it.
type lease struct {
	mu    sync.Mutex
	until time.Time // zero: there is no lease, attempts go on as long as the process
	timer *time.Timer
	runs  map[*attempt]*process.Child // nil while there is no command
}

// Renew gives all attempts, running and future ones, a lease of d from now. When it runs out, they are
// killed and end with ErrLeaseLost. A host that was never given one runs without.
func (h *Host) Renew(d time.Duration) {
	for _, child := range h.lease.renew(d) {
		_ = child.Renew(d) // a child that cannot hear dies by the lease that it has
	}
}

// renew lists the children that are to hear of it.
func (l *lease) renew(d time.Duration) []*process.Child {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Now().Add(d)
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.expire)
	} else {
		l.timer.Reset(d)
	}
	children := make([]*process.Child, 0, len(l.runs))
	for _, child := range l.runs {
		if child != nil {
			children = append(children, child)
		}
	}
	return children
}

func (l *lease) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.until) {
		return // renewed at the same moment
	}
	for a := range l.runs {
		a.abandon(ErrLeaseLost)
	}
}

// enter puts an attempt under the lease.
func (l *lease) enter(a *attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs == nil {
		l.runs = map[*attempt]*process.Child{}
	}
	l.runs[a] = nil
	if !l.until.IsZero() && !time.Now().Before(l.until) {
		a.abandon(ErrLeaseLost)
	}
}

// attach hands a child what is left of the lease, and all later ones.
func (l *lease) attach(a *attempt, child *process.Child) {
	l.mu.Lock()
	l.runs[a] = child
	until := l.until
	l.mu.Unlock()
	if !until.IsZero() {
		_ = child.Renew(time.Until(until)) // a child that cannot hear has ended
	}
}

func (l *lease) leave(a *attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.runs, a)
}
