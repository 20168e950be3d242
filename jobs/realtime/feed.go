package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

const (
	// feedPause is how long changes are collected before they are read for all feeds together.
	feedPause = 100 * time.Millisecond
	// maxChanged bounds what is collected; feeds that may have missed something are closed.
	maxChanged = 10_000
	// maxFollowed bounds the tasks whose events feeds are told; of others they are told the state.
	maxFollowed = 10_000
	// maxFrames is how many frames a feed holds for its owner to take.
	maxFrames = 1024
	// maxShown bounds the tasks that a feed is known to have shown; one that is forgotten is told whole again.
	maxShown = 1024
)

// Head is what a feed is chosen by, and what it is told of a task.
type Head struct {
	Task     uuid.UUID
	Owner    string
	Kind     string
	Tags     []string
	Seq      int64
	Ended    bool
	Snapshot []byte   // frame of the task as it is
	Events   [][]byte // frames of its events after the seq that was asked for; nil when none was
}

// Feed is one reader's live view of many tasks. A task is told whole when it is first seen to change,
// and by its events from then on, to its end.
type Feed struct {
	// C receives when there is something to take.
	C <-chan struct{}

	hub    *Hub
	wake   chan struct{}
	match  func(Head) bool
	frames [][]byte // guarded by the hub's lock, as is the rest
	behind bool
	shown  map[uuid.UUID]int64 // the tasks that its reader knows and that have not ended, as of a seq
}

// OpenFeed opens a feed of the tasks that match.
func (h *Hub) OpenFeed(match func(Head) bool) *Feed {
	wake := make(chan struct{}, 1)
	f := &Feed{C: wake, hub: h, wake: wake, match: match, shown: map[uuid.UUID]int64{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.feeds[f] = struct{}{}
	return f
}

// Close ends the feed.
func (f *Feed) Close() {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	delete(f.hub.feeds, f)
}

// Show notes that the reader was shown a task that has not ended, as it was at a seq: what happens to it
// later will be told though the hint be lost.
func (f *Feed) Show(task uuid.UUID, seq int64) {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	f.show(task, seq)
}

func (f *Feed) show(task uuid.UUID, seq int64) {
	if len(f.shown) >= maxShown {
		clear(f.shown)
	}
	f.shown[task] = max(f.shown[task], seq)
}

// Take empties the feed. Behind: something was missed, and the reader has to begin anew.
func (f *Feed) Take() (frames [][]byte, behind bool) {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	frames, behind = f.frames, f.behind
	f.frames = nil
	return frames, behind
}

// Wake has C receive though there may be nothing to take.
func (f *Feed) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// note collects a change for the feeds. The caller holds the lock.
func (h *Hub) note(task uuid.UUID) {
	if len(h.feeds) == 0 {
		return
	}
	if len(h.changed) >= maxChanged {
		h.missed()
		return
	}
	h.changed[task] = struct{}{}
	select {
	case h.noted <- struct{}{}:
	default:
	}
}

// missed says that changes may have been lost. The caller holds the lock.
func (h *Hub) missed() {
	for f := range h.feeds {
		f.behind = true
		f.Wake()
	}
}

// feedAll reads what changed, a moment after the first change of a round, until ctx ends.
func (h *Hub) feedAll(ctx context.Context) {
	followed := map[uuid.UUID]int64{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.noted:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(feedPause):
		}
		if len(followed) > maxFollowed {
			clear(followed)
		}
		h.feed(ctx, followed)
	}
}

// feed reads the changed tasks once and tells all feeds that they match. followed has the seq up to
// which events of a task were told; zero is none, since the first event has 1.
func (h *Hub) feed(ctx context.Context, followed map[uuid.UUID]int64) {
	h.mu.Lock()
	tasks, afters := make([]uuid.UUID, 0, len(h.changed)), make([]int64, 0, len(h.changed))
	for task := range h.changed {
		tasks, afters = append(tasks, task), append(afters, followed[task])
	}
	clear(h.changed)
	h.mu.Unlock()
	if len(tasks) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	heads, err := h.source.Heads(limited, tasks, afters)
	cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			h.logger.Warn("changed tasks were not read; feeds begin anew", "error", err)
		}
		h.missed()
		return
	}
	for _, head := range heads {
		first := followed[head.Task] == 0
		followed[head.Task] = head.Seq
		for f := range h.feeds {
			if !f.behind && f.match(head) {
				f.tell(head, first)
			}
		}
	}
}

// tell adds what happened to a task; first: its events were not read. The caller holds the lock.
func (f *Feed) tell(head Head, first bool) {
	frames := head.Events
	_, shown := f.shown[head.Task]
	if first || !shown && len(frames) > 0 {
		frames = [][]byte{head.Snapshot}
	}
	switch {
	case head.Ended:
		delete(f.shown, head.Task)
	case shown || len(frames) > 0:
		f.show(head.Task, head.Seq)
	}
	switch {
	case len(frames) == 0:
		return
	case len(f.frames)+len(frames) > maxFrames:
		f.frames, f.behind = nil, true
	default:
		f.frames = slices.Concat(f.frames, frames)
	}
	f.Wake()
}

// reshow has the tasks read that were shown as of an earlier seq. The caller holds the lock.
func (f *Feed) reshow(seqs map[uuid.UUID]int64) {
	for task, seq := range f.shown {
		if seqs[task] > seq {
			f.hub.note(task)
		}
	}
}
