package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	streamType = "text/event-stream"
	// beat is what a stream says that has been silent for long.
	beat = ": beat\n\n"
	// retryAfter and its spread are when readers come back, so that not all of them do at once.
	retryAfter  = 500
	retrySpread = 1500
	// deadlineShare is the share of its time to take a piece that a reader may lack, so that the deadline
	// of its connection need not move with each piece.
	deadlineShare = 8
)

// errReturn: the stream is closed, and its reader is to come back.
var errReturn = errors.New("the reader is to come back")

// outlet is the way of one open stream to its reader. There may be very many of them: it has one timer,
// and no goroutine but the request's.
type outlet struct {
	ctx     context.Context //nolint:containedctx // the request's, whose stream this is
	server  *Server
	owner   string
	let     credential  // that let the reader in
	revoked atomic.Bool // it is good no more
	wake    func()
	writer  http.ResponseWriter
	control *http.ResponseController

	unwatch  func() bool // of the context, which wakes the stream when it ends
	timer    *time.Timer // wakes the stream when it is due
	due      time.Time   // for a beat, or to end
	until    time.Time   // the end
	deadline time.Time   // when the connection's was moved last
	flushed  time.Time
	unsent   bool // something was written since
}

// open opens the outlet of the caller's stream, which wake wakes, unless the owner has too many.
func (s *Server) open(ctx context.Context, wake func()) (*outlet, error) {
	c := callOf(ctx)
	now := time.Now()
	o := &outlet{
		ctx: ctx, server: s, owner: c.identity.Owner, let: c.let, wake: wake,
		writer: c.writer, control: http.NewResponseController(c.writer),
		until: now.Add(s.streamLife(ctx)), flushed: now,
	}
	if err := s.streams.enter(o); err != nil {
		return nil, err
	}
	s.metrics.StreamOpened()
	o.unwatch = context.AfterFunc(ctx, wake)
	o.due = o.next()
	o.timer = time.AfterFunc(o.due.Sub(now), wake)
	if s.isStopping() {
		wake() // it was not there yet when the others were woken
	}
	return o, nil
}

// close gives the owner's place back.
func (o *outlet) close() {
	o.unwatch()
	o.timer.Stop()
	o.server.streams.leave(o)
	o.server.metrics.StreamClosed()
}

// streamed is the answer that run writes once all routing has returned, so that its frames are not held
// for as long as the stream is open.
func (o *outlet) streamed(run func() error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(huma.Context) {
		callOf(o.ctx).rest = func() {
			defer o.close()
			header := o.writer.Header()
			header.Set("Content-Type", streamType)
			header.Set("Cache-Control", "no-cache, no-transform")
			header.Set("X-Accel-Buffering", "no")
			if run() != nil && o.write(comeBack()) == nil {
				_ = o.flush() // the reader may be gone
			}
		}
	}}
}

// aside runs do on a stack of its own. The stack of a stream's goroutine would stay as large as it once
// was, for the database or for JSON, and there may be very many of them.
func aside(do func()) {
	thrown := make(chan any, 1)
	go func() {
		defer func() {
			reason := recover()
			if reason != nil && reason != http.ErrAbortHandler { //nolint:errorlint // a value that was thrown
				reason = fmt.Errorf("%v\n%s", reason, debug.Stack())
			}
			thrown <- reason
		}()
		do()
	}()
	if reason := <-thrown; reason != nil {
		panic(reason)
	}
}

// wait returns when the stream was woken: by news, by its timer, or because its reader has gone or the
// server stops. One channel for all of these is cheaper than a select. An error is why it ends.
func (o *outlet) wait(woken <-chan struct{}) error {
	<-woken
	now := time.Now()
	switch {
	case o.ctx.Err() != nil:
		return context.Cause(o.ctx)
	case o.server.isStopping() || o.revoked.Load() || !now.Before(o.until):
		return errReturn
	case now.Before(o.due):
		return nil
	}
	if now.Sub(o.flushed) >= o.server.limits.Beat {
		if err := o.send([]byte(beat)); err != nil {
			return err
		}
	}
	o.due = o.next()
	o.timer.Reset(o.due.Sub(now))
	return nil
}

func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// next is when the stream has to be woken next, whatever happens.
func (o *outlet) next() time.Time {
	if beat := o.flushed.Add(o.server.limits.Beat); beat.Before(o.until) {
		return beat
	}
	return o.until
}

// write writes a piece of the stream, for flush to send. It fails when the reader does not take what
// was sent before in time.
func (o *outlet) write(piece []byte) error {
	if now := time.Now(); now.Sub(o.deadline) > o.server.limits.Write/deadlineShare {
		o.deadline = now
		_ = o.control.SetWriteDeadline(now.Add(o.server.limits.Write)) // a test's has none
	}
	o.unsent = true
	_, err := o.writer.Write(piece)
	return err
}

// flush sends what was written.
func (o *outlet) flush() error {
	if !o.unsent {
		return nil
	}
	o.unsent, o.flushed = false, time.Now()
	return o.control.Flush()
}

// send writes pieces and sends them.
func (o *outlet) send(pieces ...[]byte) error {
	for _, piece := range pieces {
		if err := o.write(piece); err != nil {
			return err
		}
	}
	return o.flush()
}

// comeBack says when to come back, not for all readers at once.
func comeBack() []byte {
	return fmt.Appendf(nil, "retry: %d\n\n", retryAfter+rand.IntN(retrySpread)) //nolint:gosec // no secret
}
