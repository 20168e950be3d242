package realtime_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"freshet/jobs/realtime"
)

func everything(realtime.Head) bool { return true }

// pass lets fake time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// change has entries added and feeds told.
func (b *bubble) change(entries int64) {
	b.source.add(b.task, entries)
	b.Wake(b.task)
	pass(200 * time.Millisecond)
}

// told is what a feed was told since, in words.
func told(t *testing.T, feed *realtime.Feed, want string) {
	t.Helper()
	frames, behind := feed.Take()
	if got := string(bytes.Join(frames, []byte(", "))); got != want || behind {
		t.Errorf("told %q, behind: %t; want %q", got, behind, want)
	}
}

func TestAFeedIsToldATaskAndThenItsEvents(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		early := b.OpenFeed(everything)
		defer early.Close()
		b.change(1)
		told(t, early, "task 2")
		b.change(3)
		told(t, early, "event 4, event 5")
		// To one that opens later the same task is new, unless it was in what it began with.
		late, begun := b.OpenFeed(everything), b.OpenFeed(everything)
		defer late.Close()
		defer begun.Close()
		begun.Show(b.task, 5)
		b.change(1) // output only
		b.change(1)
		told(t, early, "event 7")
		told(t, late, "task 7")
		told(t, begun, "event 7")
		b.change(1)
		told(t, late, "event 8")
	})
}

// Hints are lost of a task that the reader began with, and then that it was told of.
func TestALostHintIsHealedForFeeds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		feed := b.OpenFeed(everything)
		defer feed.Close()
		feed.Show(b.task, 1)
		for _, lost := range []struct {
			entries int64
			told    string
		}{{1, "task 2"}, {2, "event 4"}} {
			b.source.add(b.task, lost.entries) // and nobody says so
			pass(3200 * time.Millisecond)      // a sweep, and what a feed collects
			told(t, feed, lost.told)
		}
	})
}

// A task that has ended is not looked at for ever.
func TestAFeedForgetsWhatHasEnded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		feed := b.OpenFeed(everything)
		defer feed.Close()
		b.change(1)
		b.source.ended = true
		b.change(2)
		told(t, feed, "task 2, event 4")
		b.source.add(b.task, 1)
		pass(10 * time.Second)
		told(t, feed, "")
	})
}
