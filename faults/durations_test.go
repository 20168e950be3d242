package faults_test

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// durations are what something took, time after time. It is safe for use by many goroutines.
type durations struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *durations) add(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, took)
}

// report prints the distribution and returns the worst.
func (d *durations) report(t testing.TB, what string) time.Duration {
	t.Helper()
	slices.Sort(d.all)
	at := func(share float64) time.Duration {
		return d.all[min(int(share*float64(len(d.all))), len(d.all)-1)].Round(time.Millisecond)
	}
	t.Logf("%s: %d times, p50 %s, p90 %s, p99 %s, worst %s", what, len(d.all), at(0.5), at(0.9), at(0.99), at(1))
	return at(1)
}
