package control_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"freshet/jobs/control"
	"freshet/jobs/supervisor"
)

// bedroom is a Sleeper with one part, in fake time.
type bedroom struct {
	t       *testing.T
	sleeper *control.Sleeper

	running atomic.Bool
	starts  atomic.Int64
	left    atomic.Int64                // how often the connections were closed
	busy    atomic.Bool                 // something goes on
	next    atomic.Pointer[time.Time]   // when something will; nil: nothing ever will
	stopped atomic.Pointer[func()]      // what the part does at last
	runs    func(context.Context) error // what it does; nil: nothing
	ended   chan error
	end     context.CancelFunc
}

func newBedroom(t *testing.T, changes ...func(*bedroom)) *bedroom {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	b := &bedroom{t: t, sleeper: control.NewSleeper(slog.New(slog.DiscardHandler)), ended: make(chan error, 1), end: end}
	b.lastly(func() {})
	for _, change := range changes {
		change(b)
	}
	part := supervisor.Part{Name: "part", Run: func(ctx context.Context) error {
		b.starts.Add(1)
		b.running.Store(true)
		defer b.running.Store(false)
		if b.runs != nil {
			return b.runs(ctx)
		}
		<-ctx.Done()
		(*b.stopped.Load())()
		return nil
	}}
	calm := func(context.Context) (bool, time.Duration, bool, error) {
		next := b.next.Load()
		if next == nil {
			return !b.busy.Load(), 0, false, nil
		}
		return !b.busy.Load(), time.Until(*next), true, nil
	}
	household := control.Household{Parts: []supervisor.Part{part}, Stop: time.Minute, Calm: calm, Leave: func() { b.left.Add(1) }}
	go func() { b.ended <- b.sleeper.Run(ctx, household) }()
	return b
}

func (b *bedroom) lastly(do func()) { b.stopped.Store(&do) }

// after lets time pass, and then wants it to be asleep or awake.
func (b *bedroom) after(pause time.Duration, asleep bool) {
	b.t.Helper()
	<-time.After(pause)
	synctest.Wait()
	if b.sleeper.Asleep() != asleep || b.running.Load() == asleep {
		b.t.Fatalf("asleep %t, its part runs %t; want asleep %t", b.sleeper.Asleep(), b.running.Load(), asleep)
	}
}

// over ends it.
func (b *bedroom) over() {
	b.t.Helper()
	b.end()
	if err := <-b.ended; err != nil {
		b.t.Error(err)
	}
}

func TestSleeperRestsUntilUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBedroom(t)
		defer b.over()
		b.after(9*time.Second, false)
		b.after(2*time.Second, true)
		b.after(47*time.Hour, true)
		b.sleeper.Touch(t.Context())
		b.after(0, false)
		b.after(11*time.Second, true)
		if b.left.Load() != 2 || b.starts.Load() != 2 {
			t.Errorf("connections closed %d times, parts started %d times", b.left.Load(), b.starts.Load())
		}
		b.after(49*time.Hour, true) // and was awake for a while, to make the partitions of the days to come
		if b.starts.Load() != 3 {
			t.Errorf("parts started %d times", b.starts.Load())
		}
	})
}

func TestSleeperStaysWhileSomethingGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBedroom(t, func(b *bedroom) { b.busy.Store(true) })
		defer b.over()
		b.after(time.Hour, false)
		b.busy.Store(false)
		b.after(11*time.Second, true)
	})
}

func TestSleeperStaysForVisits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBedroom(t)
		defer b.over()
		ctx, leave := b.sleeper.Enter(t.Context())
		b.after(time.Hour, false) // an open stream
		b.sleeper.Touch(ctx)
		leave()
		leave() // counts once
		b.after(9*time.Second, false)
		b.after(10*time.Second, true)

		_, leave = b.sleeper.Enter(t.Context()) // of somebody who does not use it
		b.after(time.Second, true)
		leave()
	})
}

// What a part does when it is told to stop is not slept over, nor is whoever comes meanwhile.
func TestSleeperLooksOnceMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBedroom(t, func(b *bedroom) { b.lastly(func() { b.busy.Store(true) }) })
		defer b.over()
		b.after(11*time.Second, false)
		if b.starts.Load() != 2 || b.left.Load() != 0 {
			t.Errorf("parts started %d times, connections closed %d times", b.starts.Load(), b.left.Load())
		}
		leaves := make(chan func(), 1)
		b.lastly(func() {
			_, leave := b.sleeper.Enter(context.Background())
			leaves <- leave
		})
		b.busy.Store(false)
		b.after(10*time.Second, false)
		b.lastly(func() {})
		(<-leaves)()
		b.after(11*time.Second, true)
	})
}

func TestSleeperIsAwakeInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		due := time.Now().Add(time.Hour)
		b := newBedroom(t, func(b *bedroom) { b.next.Store(&due) })
		defer b.over()
		b.after(11*time.Second, true)
		b.after(time.Until(due)-3*time.Second, true)
		b.after(time.Second, false) // a moment before
		b.after(9*time.Second, false)
		b.next.Store(nil) // it was done
		b.after(2*time.Second, true)
	})
}

func TestSleeperDoesNotSleepForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		soon := time.Now().Add(20 * time.Second)
		b := newBedroom(t, func(b *bedroom) { b.next.Store(&soon) })
		defer b.over()
		b.after(15*time.Second, false)
	})
}

func TestSleeperFailsAsItsPartsDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		b := newBedroom(t, func(b *bedroom) { b.runs = func(context.Context) error { return broken } })
		defer b.end()
		if err := <-b.ended; !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	})
}
