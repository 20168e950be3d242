package control

import (
	"context"
	"time"
)

// bell wakes a loop. Rung while the loop works, it wakes it once more after that.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

// Wake has the loop look at once. It never blocks.
func (b bell) Wake() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// rest waits for a pause that only a ring can shorten, and at least for a while, since rings come in swarms. False:
// ctx has ended.
func (b bell) rest(ctx context.Context, least, pause time.Duration) bool {
	early, due := time.NewTimer(least), time.NewTimer(max(pause, least))
	defer early.Stop()
	defer due.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-early.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-b:
	case <-due.C:
	}
	return true
}
