package control

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
