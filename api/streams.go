package api

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// streams are the open streams. One owner cannot take all the room.
type streams struct {
	limit int // of one owner; negative: none

	mu     sync.Mutex
	open   map[*outlet]struct{}
	owners map[string]int
}

func newStreams(limit int) *streams {
	return &streams{limit: limit, open: map[*outlet]struct{}{}, owners: map[string]int{}}
}

// enter takes a place for a stream of its owner's.
func (s *streams) enter(o *outlet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limit >= 0 && s.owners[o.owner] >= s.limit {
		return newProblem(codeTooManyStreams, fmt.Sprintf("%s may have %d streams open at a time.", o.owner, s.limit)).with("Retry-After", "5")
	}
	s.owners[o.owner]++
	s.open[o] = struct{}{}
	return nil
}

// leave gives the place back.
func (s *streams) leave(o *outlet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, o)
	if s.owners[o.owner]--; s.owners[o.owner] == 0 {
		delete(s.owners, o.owner)
	}
}

// wake has all streams look whether the server is stopping.
func (s *streams) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o := range s.open {
		o.wake()
	}
}

// credentials are those that let the readers of open streams in.
func (s *streams) credentials() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[credential]struct{}{{}: {}}
	var list [][]byte
	for o := range s.open {
		if _, listed := known[o.let]; !listed {
			known[o.let] = struct{}{}
			list = append(list, o.let[:])
		}
	}
	return list
}

// end closes the streams of a credential.
func (s *streams) end(revoked credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o := range s.open {
		if o.let == revoked {
			o.revoked.Store(true)
			o.wake()
		}
	}
}

// streamLife is how long a stream may be open: at most until what let its reader in ends.
func (s *Server) streamLife(ctx context.Context) time.Duration {
	if until := caller(ctx).Until; !until.IsZero() {
		return min(s.limits.Stream, time.Until(until))
	}
	return s.limits.Stream
}
