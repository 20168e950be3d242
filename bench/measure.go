package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// series is one measured figure over all rounds.
type series []float64

func (s series) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

func (s series) String() string {
	return fmt.Sprintf("%8.0f  (%.0f–%.0f)", s.median(), slices.Min(s), slices.Max(s))
}

// percentile is the value below which share of all values lie.
func percentile(values []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(float64(len(sorted))*share), len(sorted)-1)]
}

// rate has clients call do over and over for a time, and returns how often all of them did, a second.
func rate(ctx context.Context, clients int, length time.Duration, do func(ctx context.Context, client int) error) (float64, error) {
	deadline, cancel := context.WithTimeoutCause(ctx, length, errTimeIsUp)
	defer cancel()
	counts := make([]int, clients)
	errs := make(chan error, clients)
	began := time.Now()
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			for deadline.Err() == nil {
				if err := do(ctx, client); err != nil {
					errs <- err
					return
				}
				counts[client]++
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	select {
	case err := <-errs:
		return 0, err
	default:
	}
	total := 0
	for _, count := range counts {
		total += count
	}
	return float64(total) / took.Seconds(), nil
}

// each has clients share n calls of do.
func each(ctx context.Context, clients, n int, do func(ctx context.Context, i int) error) error {
	errs := make(chan error, clients)
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			for i := client; i < n; i += clients {
				if err := do(ctx, i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

func minimum(s series) float64 { return slices.Min(s) }
func maximum(s series) float64 { return slices.Max(s) }
