package realtime

import (
	"slices"

	"github.com/google/uuid"
)

// maxHeld is how many entries a stream holds for its owner to take.
const maxHeld = 256

// Stream is one reader's live view of one task.
type Stream struct {
	// C receives when there is something to take.
	C <-chan struct{}

	hub   *Hub
	topic *topic
	wake  chan struct{}
	logs  bool

	held []Entry // guarded by the hub's lock, as is the rest
	news News
}

// News is what a stream has for its owner.
type News struct {
	Entries []Entry
	Behind  bool  // entries were dropped: read the Source from where you are
	Ended   int64 // the task has ended with this seq; zero while it has not
	Gone    bool  // the task was deleted
}

// Open opens a stream of a task whose present seq is known; with logs it is given output too. What
// comes later than that seq is given live, and perhaps some of what came before.
func (h *Hub) Open(task uuid.UUID, seq int64, logs bool) *Stream {
	wake := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topic(task)
	if len(t.streams) == 0 {
		t.last = max(t.last, seq)
	}
	s := &Stream{C: wake, hub: h, topic: t, wake: wake, logs: logs}
	t.streams[s] = struct{}{}
	return s
}

// Close ends the stream.
func (s *Stream) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.topic.streams, s)
	s.hub.leave(s.topic)
}

// Take empties the stream.
func (s *Stream) Take() News {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	news := s.news
	news.Entries = s.held
	s.held, s.news.Behind = nil, false
	return news
}

// Wake has C receive though there may be nothing to take.
func (s *Stream) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// give adds what was read. A stream that wants logs cannot use a read without.
func (s *Stream) give(batch Batch, logs bool) {
	s.news.Gone = s.news.Gone || batch.Gone
	if batch.Ended {
		s.news.Ended = batch.UpTo
	}
	if s.logs && !logs || len(s.held)+len(batch.Entries) > maxHeld {
		s.held, s.news.Behind = nil, true
	}
	if !s.news.Behind {
		s.hold(batch.Entries, logs)
	}
	if len(s.held) > 0 || s.news.Behind || s.news.Gone || s.news.Ended > 0 {
		s.Wake()
	}
}

// hold keeps entries for the owner. The first that nobody has to be spared are held as they are, in the
// slice that all streams of the task share.
func (s *Stream) hold(entries []Entry, logs bool) {
	if s.held == nil && s.logs == logs {
		s.held = slices.Clip(entries)
		return
	}
	for _, entry := range entries {
		if s.logs || !entry.Log {
			s.held = append(s.held, entry)
		}
	}
}
