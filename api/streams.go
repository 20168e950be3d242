package api

import (
	"context"
	"sync"
	"time"
)

// streams counts open streams, so that one owner cannot take them all.
type streams struct {
	limit int

	mu   sync.Mutex
	open map[string]int
}

// enter takes a place for an owner's stream; leave gives it back.
func (s *streams) enter(owner string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[owner] >= s.limit {
		return nil, newProblem(codeTooManyStreams, "").with("Retry-After", "5")
	}
	s.open[owner]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[owner]--; s.open[owner] == 0 {
			delete(s.open, owner)
		}
	}), nil
}

// streamLife is how long a stream may be open: at most until its reader's token expires.
func (s *Server) streamLife(ctx context.Context) time.Duration {
	if grant := caller(ctx).Grant; grant != nil {
		return min(s.limits.Stream, time.Until(grant.Until))
	}
	return s.limits.Stream
}
