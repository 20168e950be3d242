//go:build linux

package process

import (
	"testing"
)

// BenchmarkChild is a trivial command, from Start to the end of Wait.
func BenchmarkChild(b *testing.B) {
	s := Spec{Args: []string{"/bin/true"}}
	one := func() {
		c, err := Start(b.Context(), s)
		if err != nil {
			b.Error(err)
			return
		}
		if _, err := c.Wait(); err != nil {
			b.Error(err)
		}
	}
	b.Run("one by one", func(b *testing.B) {
		for b.Loop() {
			one()
		}
	})
	b.Run("at once", func(b *testing.B) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				one()
			}
		})
	})
	b.Run("limited", func(b *testing.B) {
		s.Memory = 1 << 30
		for b.Loop() {
			one()
		}
	})
}
