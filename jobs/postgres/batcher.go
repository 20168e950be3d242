package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// batchTimeout bounds one commit of a batch, whatever the callers' own deadlines are.
const batchTimeout = 30 * time.Second

// batcher commits what arrives while the previous commit is in flight together. It has no goroutine
// of its own: one of the callers leads, and at the end of its commit hands the lead to the first of
// those who have come to wait. While anyone waits, all leads are taken.
type batcher[Request, Response any] struct {
	run   func(context.Context, []Request) ([]Response, error)
	max   int // requests in one batch
	leads int // commits at the same time

	mu      sync.Mutex
	waiting []*batched[Request, Response]
	leading int
}

type batched[Request, Response any] struct {
	request  Request
	response Response
	err      error
	done     chan struct{}
	lead     chan struct{} // closed when this caller is to lead; it waits no longer then
}

// Do has the request committed together with others' and returns its own answer. When ctx ends the
// caller leaves, and the request may be committed all the same.
func (b *batcher[Request, Response]) Do(ctx context.Context, request Request) (Response, error) {
	item := &batched[Request, Response]{request: request, done: make(chan struct{}), lead: make(chan struct{})}
	b.mu.Lock()
	if b.leading < b.leads {
		b.leading++
		b.mu.Unlock()
		b.commit(ctx, item)
		return item.response, item.err
	}
	b.waiting = append(b.waiting, item)
	b.mu.Unlock()

	select {
	case <-item.done:
	case <-item.lead:
		b.commit(ctx, item)
	case <-ctx.Done():
		return b.leave(ctx, item)
	}
	return item.response, item.err
}

// leave gives up waiting, unless the lead was handed over at the same moment: then others rely on it.
func (b *batcher[Request, Response]) leave(ctx context.Context, item *batched[Request, Response]) (Response, error) {
	b.mu.Lock()
	if at := slices.Index(b.waiting, item); at >= 0 {
		b.waiting = slices.Delete(b.waiting, at, at+1)
	}
	b.mu.Unlock()
	select {
	case <-item.lead:
		b.commit(ctx, item)
		return item.response, item.err
	default:
		var none Response
		return none, context.Cause(ctx)
	}
}

// commit runs the leader's request with all that wait, then hands the lead over.
func (b *batcher[Request, Response]) commit(ctx context.Context, leader *batched[Request, Response]) {
	b.mu.Lock()
	size := min(len(b.waiting), b.max-1)
	batch := append([]*batched[Request, Response]{leader}, b.waiting[:size]...)
	b.waiting = slices.Delete(b.waiting, 0, size)
	b.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchTimeout)
	defer cancel()
	b.answer(ctx, batch)

	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.leading--
		return
	}
	close(b.waiting[0].lead)
	b.waiting = slices.Delete(b.waiting, 0, 1)
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
