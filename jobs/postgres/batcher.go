package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// batchTimeout bounds one commit of a batch, whatever the callers' own deadlines are: longer than a
// statement may wait for a lock, and short, because a commit that went into a black hole holds a lead.
const batchTimeout = 15 * time.Second

var (
	// errUnknown: a caller left while its request was being committed.
	errUnknown = errors.New("whether it was stored is not known")
	errClosed  = errors.New("the store is closed")
)

// batcher commits what arrives while the previous commit is in flight together. A lead is a goroutine
// that commits batch after batch and ends when nobody waits; while anyone waits, all leads are taken.
// The callers do not lead themselves, so that each can leave when its time is up.
type batcher[Request, Response any] struct {
	run   func(context.Context, []Request) ([]Response, error)
	max   int // requests in one batch
	leads int // commits at the same time

	open  context.Context //nolint:containedctx // of the commits, which go on when their callers have left
	close context.CancelCauseFunc

	mu      sync.Mutex
	waiting []*batched[Request, Response]
	leading int
	commits sync.WaitGroup
}

type batched[Request, Response any] struct {
	request  Request
	response Response
	err      error
	done     chan struct{}
}

func newBatcher[Request, Response any](
	run func(context.Context, []Request) ([]Response, error), largest, leads int,
) *batcher[Request, Response] {
	b := &batcher[Request, Response]{run: run, max: largest, leads: leads}
	b.open, b.close = context.WithCancelCause(context.Background())
	return b
}

// end breaks off the commits whose callers have left, and waits for them. Do is not to be called after.
func (b *batcher[Request, Response]) end() {
	b.close(errClosed)
	b.commits.Wait()
}

// Do has the request committed together with others' and returns its own answer. When ctx ends before,
// the error is the cause; if it is errUnknown too, the request may be stored all the same, else it is not.
func (b *batcher[Request, Response]) Do(ctx context.Context, request Request) (Response, error) {
	item := &batched[Request, Response]{request: request, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, item)
	if b.leading < b.leads {
		b.leading++
		b.commits.Go(b.lead)
	}
	b.mu.Unlock()
	select {
	case <-item.done:
		return item.response, item.err
	case <-ctx.Done():
		var none Response
		return none, b.leave(ctx, item)
	}
}

// leave gives up waiting, and tells what that means for the request.
func (b *batcher[Request, Response]) leave(ctx context.Context, item *batched[Request, Response]) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at := slices.Index(b.waiting, item); at >= 0 {
		b.waiting = slices.Delete(b.waiting, at, at+1)
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %w", errUnknown, context.Cause(ctx))
}

// lead commits all that wait, until nobody does.
func (b *batcher[Request, Response]) lead() {
	for batch := b.next(); len(batch) > 0; batch = b.next() {
		ctx, cancel := context.WithTimeout(b.open, batchTimeout)
		b.answer(ctx, batch)
		cancel()
	}
}

// next takes the next batch; an empty one ends the lead.
func (b *batcher[Request, Response]) next() []*batched[Request, Response] {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := min(len(b.waiting), b.max)
	batch := slices.Clone(b.waiting[:size])
	b.waiting = slices.Delete(b.waiting, 0, size)
	if size == 0 {
		b.leading--
	}
	return batch
}

// answer runs the batch; one that fails is run again item by item, so that each gets its own error.
func (b *batcher[Request, Response]) answer(ctx context.Context, batch []*batched[Request, Response]) {
	requests := make([]Request, len(batch))
	for i, item := range batch {
		requests[i] = item.request
	}
	responses, err := b.run(ctx, requests)
	if err == nil && len(responses) != len(batch) {
		err = fmt.Errorf("a batch of %d was answered with %d", len(batch), len(responses))
	}
	if err != nil && len(batch) > 1 {
		for _, item := range batch {
			b.answer(ctx, []*batched[Request, Response]{item})
		}
		return
	}
	for i, item := range batch {
		if item.err = err; err == nil {
			item.response = responses[i]
		}
		close(item.done)
	}
}
