package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// How a server that went away is asked again.
const (
	defaultPatience = 30 * time.Second
	// defaultSilence is three beats of a stream that did not come.
	defaultSilence = 45 * time.Second
	// firstPause is the first one where the server named none. It doubles with each failure.
	firstPause    = 500 * time.Millisecond
	longestPause  = 5 * time.Second
	mostDoublings = 4
)

// Watch says what of a task to follow, and whom to tell. Its functions are called one at a time, by the
// goroutine that follows.
type Watch struct {
	After   int64 // only what has a higher seq
	Events  bool  // follow events
	Logs    bool  // follow the output
	Attempt int   // of the output, only that of one attempt; zero: all

	Task    func(Task)                // told the task when the stream begins, and after each step of its life; may be nil
	Entry   func(Answer[Event]) error // told each event and chunk, in order; an error ends the following
	Trouble func(error)               // told once when the server is away, and with nil when it is back; may be nil

	Patience time.Duration // how long a server that answered once may be away; zero: 30 s
	Silence  time.Duration // how long a stream may give nothing, not even a beat; zero: 45 s
}

// follower is one call of Follow.
type follower struct {
	client *Client
	watch  Watch
	id     string

	through int64         // everything up to this seq was told
	lastID  string        // what the stream is resumed with
	retry   time.Duration // the first pause, as the server asked for it

	connected bool      // the server has answered once
	away      time.Time // since when it does not; zero: it does
	failures  int       // since then
	troubled  bool      // Trouble was told of it
}

// Follow tells watch what happens to a task until it has ended, and returns the task as it is then. A
// server that does not answer at all is an error at once; one that goes away later is waited for.
func (c *Client) Follow(ctx context.Context, id string, watch Watch) (Answer[Task], error) {
	watch.Patience = cmp.Or(watch.Patience, defaultPatience)
	watch.Silence = cmp.Or(watch.Silence, defaultSilence)
	f := &follower{client: c, watch: watch, id: id, through: watch.After, retry: firstPause}
	for {
		var task Answer[Task]
		err := f.patiently(ctx, f.stream)
		if err == nil {
			err = f.patiently(ctx, func(ctx context.Context) (err error) {
				task, err = c.Task(ctx, id)
				return err
			})
		}
		if err != nil || task.Value.State.Ended() {
			return task, err
		}
		// Meanwhile someone began another run of it.
		if err := pause(ctx, f.retry); err != nil {
			return task, err
		}
	}
}

// patiently repeats a request while the server is away, for as long as Patience allows. A stream that
// broke off is resumed without a word: servers close them now and then.
func (f *follower) patiently(ctx context.Context, request func(context.Context) error) error {
	for {
		err := request(ctx)
		if err == nil {
			f.alive()
			return nil
		}
		if !f.connected || !Temporary(err) || ctx.Err() != nil {
			return err
		}
		if f.away.IsZero() {
			f.away = time.Now()
		}
		if !f.troubled && !errors.Is(err, errBrokeOff) {
			f.troubled = true
			f.trouble(err)
		}
		if time.Since(f.away) >= f.watch.Patience {
			return err
		}
		if err := pause(ctx, f.backoff()); err != nil {
			return err
		}
	}
}

// alive notes that the server gave something.
func (f *follower) alive() {
	f.connected, f.failures, f.away = true, 0, time.Time{}
	if f.troubled {
		f.troubled = false
		f.trouble(nil)
	}
}

// backoff is how long to wait after one more failure: by chance, so that not all clients come at once.
func (f *follower) backoff() time.Duration {
	longest := min(f.retry<<min(f.failures, mostDoublings), longestPause)
	f.failures++
	return longest/2 + rand.N(longest/2+1) //nolint:gosec // no secret
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
