package realtime

import "github.com/google/uuid"

// Subscription is one waiter's interest in one task: it is woken, and reads the database itself.
type Subscription struct {
	// C receives after something happened; wakes that nobody has taken yet are one.
	C <-chan struct{}

	hub   *Hub
	topic *topic
	wake  chan struct{}
}

// Subscribe begins to listen for a task. Subscribe first and read afterwards, and nothing is missed.
func (h *Hub) Subscribe(task uuid.UUID) *Subscription {
	wake := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &Subscription{C: wake, hub: h, topic: h.topic(task), wake: wake}
	s.topic.subscriptions[s] = struct{}{}
	return s
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.topic.subscriptions, s)
	s.hub.leave(s.topic)
}

func (s *Subscription) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
