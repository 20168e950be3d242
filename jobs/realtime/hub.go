package realtime

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// readers bounds how many reads there are at the same time, and together how many tasks one reads.
	readers  = 4
	together = 16
	// sweepEvery is how long a lost hint can delay an entry.
	sweepEvery = 3 * time.Second
	// readTimeout bounds one read. One that fails is made up for by the next sweep.
	readTimeout = 10 * time.Second
)

// Entry is one numbered thing that happened to a task, ready to be sent.
type Entry struct {
	Seq   int64
	Log   bool   // a piece of output, not an event
	Frame []byte // what is sent
}

// Ask is what is to be read of a task: what comes after a seq; without logs, events only.
type Ask struct {
	Task  uuid.UUID
	After int64
	Logs  bool
}

// Batch is what a Source has read of a task.
type Batch struct {
	Entries []Entry // in order of seq
	UpTo    int64   // everything up to this seq is in Entries, or was asked to be left out
	More    bool    // there is more after the last entry already
	Ended   bool    // the task has ended, and UpTo is the seq of its end
	Gone    bool    // there is no such task
}

// Source is where entries are read.
type Source interface {
	// Read reads a bounded piece of what each one asks for; no task is asked for twice.
	Read(ctx context.Context, asks []Ask) ([]Batch, error)
	// Seqs reads the present seq of each task that there still is.
	Seqs(ctx context.Context, tasks []uuid.UUID) (map[uuid.UUID]int64, error)
	// Heads reads the tasks that there still are; with the events after a seq where that is not zero.
	Heads(ctx context.Context, tasks []uuid.UUID, afters []int64) ([]Head, error)
}

// Hub wakes the subscribers of a task and feeds its streams. Create it with New, and keep Run running
// for the streams.
type Hub struct {
	source Source
	logger *slog.Logger

	mu     sync.Mutex
	topics map[uuid.UUID]*topic
	queue  []*topic // that are to be read
	filled chan struct{}

	feeds   map[*Feed]struct{}
	changed map[uuid.UUID]struct{} // for the feeds
	noted   chan struct{}
}

// topic is a task that someone watches.
type topic struct {
	task          uuid.UUID
	subscriptions map[*Subscription]struct{}
	streams       map[*Stream]struct{}
	last          int64 // streams have been given everything up to here
	queued        bool
	reading       bool
	again         bool // something happened while it was read
}

// New makes a Hub that reads from source.
func New(source Source, logger *slog.Logger) *Hub {
	return &Hub{
		source: source, logger: logger,
		topics: map[uuid.UUID]*topic{}, filled: make(chan struct{}, 1),
		feeds: map[*Feed]struct{}{}, changed: map[uuid.UUID]struct{}{}, noted: make(chan struct{}, 1),
	}
}

// Wake says that something happened to a task.
func (h *Hub) Wake(task uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[task]; t != nil {
		h.wake(t)
	}
	h.note(task)
}

// WakeAll says that hints may have been lost.
func (h *Hub) WakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.topics {
		h.wake(t)
	}
	h.missed()
}

func (h *Hub) wake(t *topic) {
	for s := range t.subscriptions {
		s.notify()
	}
	if len(t.streams) > 0 {
		h.enqueue(t)
	}
}

// enqueue has a topic read; one that is being read is read once more after that.
func (h *Hub) enqueue(t *topic) {
	switch {
	case t.reading:
		t.again = true
	case !t.queued:
		t.queued = true
		h.queue = append(h.queue, t)
		h.signal()
	}
}

// signal wakes a reader, which wakes the next one while there is more.
func (h *Hub) signal() {
	select {
	case h.filled <- struct{}{}:
	default:
	}
}

// topic finds or makes the topic of a task. The caller holds the lock.
func (h *Hub) topic(task uuid.UUID) *topic {
	t := h.topics[task]
	if t == nil {
		t = &topic{task: task, subscriptions: map[*Subscription]struct{}{}, streams: map[*Stream]struct{}{}}
		h.topics[task] = t
	}
	return t
}

// leave forgets a topic that nobody watches any more. The caller holds the lock.
func (h *Hub) leave(t *topic) {
	if len(t.subscriptions) == 0 && len(t.streams) == 0 {
		delete(h.topics, t.task)
	}
}

// Run reads for the streams until ctx ends. It never fails; a database that is away is waited for.
func (h *Hub) Run(ctx context.Context) error {
	var duties sync.WaitGroup
	for range readers {
		duties.Go(func() { h.readAll(ctx) })
	}
	duties.Go(func() { h.sweepAll(ctx) })
	duties.Go(func() { h.feedAll(ctx) })
	duties.Wait()
	return nil
}

func (h *Hub) readAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.filled:
		}
		for topics := h.next(); len(topics) > 0; topics = h.next() {
			h.read(ctx, topics)
		}
	}
}

// next takes the topics that wait the longest. One that was forgotten meanwhile is passed over: another of the
// same task may wait behind it, and no task is asked for twice.
func (h *Hub) next() (topics []*topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	passed := 0
	for _, t := range h.queue {
		if len(topics) == together {
			break
		}
		passed++
		t.queued = false
		if h.topics[t.task] == t {
			t.reading = true
			topics = append(topics, t)
		}
	}
	if h.queue = slices.Delete(h.queue, 0, passed); len(h.queue) > 0 {
		h.signal()
	}
	return topics
}

// read reads topics once and gives what is new to their streams.
func (h *Hub) read(ctx context.Context, topics []*topic) {
	asks := make([]Ask, len(topics))
	h.mu.Lock()
	for i, t := range topics {
		asks[i] = t.ask()
	}
	h.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	batches, err := h.source.Read(limited, asks)
	cancel()
	if err != nil && ctx.Err() == nil {
		h.logger.Warn("news of tasks were not read; the next sweep does it", "tasks", len(topics), "error", err)
	}
	for i, t := range topics {
		h.mu.Lock()
		t.reading = false
		if err == nil {
			t.publish(batches[i], asks[i].Logs)
		}
		if t.again && len(t.streams) > 0 {
			t.again = false
			h.enqueue(t)
		}
		h.mu.Unlock()
	}
}

// ask asks for what the topic's streams have not been given.
func (t *topic) ask() Ask {
	logs := false
	for s := range t.streams {
		logs = logs || s.logs
	}
	return Ask{t.task, t.last, logs}
}

func (t *topic) publish(batch Batch, logs bool) {
	for s := range t.streams {
		s.give(batch, logs)
	}
	t.last = max(t.last, batch.UpTo)
	t.again = t.again || batch.More
}

func (h *Hub) sweepAll(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.sweep(ctx)
		}
	}
}

// sweep finds the tasks whose hints were lost.
func (h *Hub) sweep(ctx context.Context) {
	tasks := h.watched()
	if len(tasks) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	seqs, err := h.source.Seqs(limited, tasks)
	if err != nil {
		if ctx.Err() == nil {
			h.logger.Warn("streams were not compared with the database; the next sweep does it", "error", err)
		}
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, task := range tasks {
		seq, exists := seqs[task]
		if t := h.topics[task]; t != nil && len(t.streams) > 0 && (!exists || seq > t.last) {
			h.enqueue(t)
		}
	}
	for f := range h.feeds {
		f.reshow(seqs)
	}
}

// watched are the tasks that have streams, and those that feeds have shown; of very many of the latter
// not all, but each time others.
func (h *Hub) watched() []uuid.UUID {
	h.mu.Lock()
	defer h.mu.Unlock()
	tasks := map[uuid.UUID]struct{}{}
	for f := range h.feeds {
		for task := range f.shown {
			if len(tasks) >= maxFollowed {
				break
			}
			tasks[task] = struct{}{}
		}
	}
	for task, t := range h.topics {
		if len(t.streams) > 0 {
			tasks[task] = struct{}{}
		}
	}
	return slices.Collect(maps.Keys(tasks))
}

// Streams counts the open streams.
func (h *Hub) Streams() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	count := 0
	for _, t := range h.topics {
		count += len(t.streams)
	}
	return count
}
