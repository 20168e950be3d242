package client

import (
	"context"
	"fmt"
	"time"
)

// How a server that went away is asked again.
const (
	defaultPatience = 30 * time.Second
	firstPause      = 100 * time.Millisecond
	longestPause    = 2 * time.Second
)

// Watch says what of a task to follow, and whom to tell. Its functions are called one at a time, by the
// goroutine that follows.
type Watch struct {
	Events bool      // follow events
	Logs   *LogQuery // follow the output, from there on; nil: do not

	Task    func(Task)        // told the task each time it was read; may be nil
	Entry   func(Event) error // told each event and chunk, in order; an error ends the following
	Trouble func(error)       // told once when the server is away, and with nil when it is back; may be nil

	Patience time.Duration // how long a server that answered once may be away; zero: 30 s
}

// follower is one call of Follow.
type follower struct {
	client    *Client
	watch     Watch
	id        string
	feed      feed
	connected bool // the server has answered once
}

// Follow tells watch what happens to a task until it has ended, and returns the task as it is then. A
// server that does not answer at all is an error at once; one that goes away later is waited for.
func (c *Client) Follow(ctx context.Context, id string, watch Watch) (Answer[Task], error) {
	if watch.Patience == 0 {
		watch.Patience = defaultPatience
	}
	f := &follower{client: c, watch: watch, id: id}
	if watch.Events {
		f.feed = append(f.feed, &source{read: f.events})
	}
	if watch.Logs != nil {
		f.feed = append(f.feed, &source{read: f.logs, through: watch.Logs.After})
	}
	for seen := int64(0); ; {
		var task Answer[Task]
		err := f.patiently(ctx, func() (err error) {
			task, err = c.changed(ctx, id, seen)
			return err
		})
		if err != nil {
			return task, err
		}
		if watch.Task != nil {
			watch.Task(task.Value)
		}
		if err := f.tell(ctx, task.Value.Seq); err != nil || task.Value.State.Ended() {
			return task, err
		}
		if task.Value.Seq == seen { // a server about to stop may not wait
			if err := pause(ctx, firstPause); err != nil {
				return task, err
			}
		}
		seen = task.Value.Seq
	}
}

// tell passes on all entries up to a seq.
func (f *follower) tell(ctx context.Context, target int64) error {
	for {
		var entry *Event
		err := f.patiently(ctx, func() (err error) {
			entry, err = f.feed.next(ctx, target)
			return err
		})
		if err != nil || entry == nil {
			return err
		}
		if err := f.watch.Entry(*entry); err != nil {
			return fmt.Errorf("show entry %d of task %s: %w", entry.Seq, f.id, err)
		}
	}
}

func (f *follower) events(ctx context.Context, after int64) ([]Event, error) {
	answers, err := f.client.Events(ctx, f.id, after)
	events := make([]Event, len(answers))
	for i, answer := range answers {
		events[i] = answer.Value
	}
	return events, err
}

// logs reads output as events. Only the first page is cut to the last lines: later ones are new.
func (f *follower) logs(ctx context.Context, after int64) ([]Event, error) {
	query := *f.watch.Logs
	if after > query.After {
		query.After, query.Tail = after, 0
	}
	chunks, err := f.client.Logs(ctx, f.id, query)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(chunks))
	for i, chunk := range chunks {
		if events[i], err = chunk.Value.event(f.id); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// patiently repeats a request while the server is away, for as long as Patience allows.
func (f *follower) patiently(ctx context.Context, request func() error) error {
	var away time.Time
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		err := request()
		if err == nil {
			f.connected = true
			if !away.IsZero() {
				f.trouble(nil)
			}
			return nil
		}
		if !f.connected || !Temporary(err) || ctx.Err() != nil {
			return err
		}
		if away.IsZero() {
			away = time.Now()
			f.trouble(err)
		}
		if time.Since(away) >= f.watch.Patience {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func (f *follower) trouble(err error) {
	if f.watch.Trouble != nil {
		f.watch.Trouble(err)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
