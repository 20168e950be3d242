package api

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	var b bucket
	take := func(after time.Duration, tokens float64) time.Duration {
		now = now.Add(after)
		wait := b.wait(now, 50, 100)
		if wait == 0 {
			b.tokens -= tokens
		}
		return wait
	}
	for range 100 { // it is full at first
		if wait := take(0, 1); wait != 0 {
			t.Fatalf("wait %s before it is empty", wait)
		}
	}
	if wait := take(0, 1); wait != 20*time.Millisecond || seconds(wait) != "1" {
		t.Errorf("wait %s, Retry-After %s", wait, seconds(wait))
	}
	if wait := take(time.Hour, 1000); wait != 0 { // never more than full: 900 in debt
		t.Errorf("after an hour: wait %s", wait)
	}
	if wait := take(0, 1); wait != 18020*time.Millisecond || seconds(wait) != "19" {
		t.Errorf("in debt: wait %s, Retry-After %s", wait, seconds(wait))
	}
	if wait := take(18*time.Second, 1); wait != 20*time.Millisecond {
		t.Errorf("later: wait %s", wait)
	}
	if wait := take(20*time.Millisecond, 1); wait != 0 {
		t.Errorf("when the time is up: wait %s", wait)
	}
}
