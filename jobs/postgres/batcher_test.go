package postgres

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestBatcherLetsItsCallersLeave has a commit that gets no answer: its callers leave when their time is
// up, those who only wait are taken out, and whoever comes later is served when the commit gives up.
func TestBatcherLetsItsCallersLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stored []int
		b := newBatcher(func(ctx context.Context, numbers []int) ([]int, error) {
			if numbers[0] < 3 {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			stored = append(stored, numbers...)
			return numbers, nil
		}, 2, 1)
		defer b.end()
		impatient := func(number int, unknown bool) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begun := time.Now()
			_, err := b.Do(ctx, number)
			if took := time.Since(begun); took != time.Second || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errUnknown) != unknown {
				t.Errorf("request %d left after %s: %v", number, took, err)
			}
		}
		impatient(1, true)
		impatient(2, false)
		begun := time.Now()
		if got, err := b.Do(t.Context(), 3); got != 3 || err != nil {
			t.Errorf("answered %d, %v", got, err)
		}
		if took := time.Since(begun); took > batchTimeout {
			t.Errorf("served after %s", took)
		}
		if len(stored) != 1 || stored[0] != 3 {
			t.Errorf("stored %v", stored)
		}
	})
}

// TestClosedBatcherWaitsForNothing ends while a commit gets no answer, and nobody waits for it.
func TestClosedBatcherWaitsForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cause error
		b := newBatcher(func(ctx context.Context, _ []int) ([]int, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return nil, cause
		}, 2, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Do(ctx, 1); !errors.Is(err, errUnknown) {
			t.Errorf("left with %v", err)
		}
		begun := time.Now()
		b.end()
		if took := time.Since(begun); took > 0 || !errors.Is(cause, errClosed) {
			t.Errorf("ended after %s: %v", took, cause)
		}
	})
}
