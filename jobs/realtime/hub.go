// Package realtime tells those who wait within this process that something happened to a task. It
// holds no data: a waiter that is woken reads the database.
package realtime

import (
	"sync"

	"github.com/google/uuid"
)

// Hub wakes the subscribers of a task. The zero value is ready.
type Hub struct {
	mu     sync.Mutex
	topics map[uuid.UUID]map[*Subscription]struct{}
}

// Subscription is one waiter's interest in one task.
type Subscription struct {
	// C receives after something happened; wakes that nobody has taken yet are one.
	C <-chan struct{}

	hub  *Hub
	task uuid.UUID
	wake chan struct{}
}

// Subscribe begins to listen for a task. Subscribe first and read afterwards, and nothing is missed.
func (h *Hub) Subscribe(task uuid.UUID) *Subscription {
	wake := make(chan struct{}, 1)
	s := &Subscription{C: wake, hub: h, task: task, wake: wake}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics == nil {
		h.topics = map[uuid.UUID]map[*Subscription]struct{}{}
	}
	if h.topics[task] == nil {
		h.topics[task] = map[*Subscription]struct{}{}
	}
	h.topics[task][s] = struct{}{}
	return s
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.hub.topics[s.task], s)
	if len(s.hub.topics[s.task]) == 0 {
		delete(s.hub.topics, s.task)
	}
}

// Wake wakes all subscribers of a task.
func (h *Hub) Wake(task uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.topics[task] {
		s.notify()
	}
}

// WakeAll wakes everyone: hints may have been lost.
func (h *Hub) WakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subscribers := range h.topics {
		for s := range subscribers {
			s.notify()
		}
	}
}

func (s *Subscription) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
