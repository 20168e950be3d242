package fly

import (
	"context"
	"sync"
	"time"
)

// pace holds back requests as Fly would refuse them: per action and machine, or app, one a second after a burst.
type pace struct {
	every time.Duration // between two requests of one sort

	mu   sync.Mutex
	next map[string]time.Time // when those of a sort would be even again
}

// The bursts of Fly; requests for a single machine may also come five times as fast.
const (
	burst    = 3
	getBurst = 10
	getSpeed = 5
	manyKeys = 256
)

// wait waits until a request may be sent.
func (p *pace) wait(ctx context.Context, action, key string) error {
	every, burst := p.every, burst
	if action == actionGet {
		every, burst = p.every/getSpeed, getBurst
	}
	now := time.Now()
	p.mu.Lock()
	if len(p.next) > manyKeys {
		for key, even := range p.next {
			if even.Before(now) {
				delete(p.next, key)
			}
		}
	}
	key = action + " " + key
	even := p.next[key]
	if even.Before(now) {
		even = now
	}
	p.next[key] = even.Add(every)
	p.mu.Unlock()
	return rest(ctx, even.Sub(now)-time.Duration(burst-1)*every)
}

// rest waits for a while, or returns why ctx ended before.
func rest(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
