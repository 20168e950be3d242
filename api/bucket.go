package api

import (
	"math"
	"strconv"
	"time"
)

// bucket is a token bucket. It may be in debt.
type bucket struct {
	tokens float64
	at     time.Time // when it held so many; zero: long ago, so that it is full
}

// wait fills the bucket up to most, and tells how long it is until it holds a token.
func (b *bucket) wait(now time.Time, perSecond, most float64) time.Duration {
	b.tokens = min(most, b.tokens+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration((1 - b.tokens) / perSecond * float64(time.Second))
}

// seconds is a time to wait as Retry-After has it.
func seconds(wait time.Duration) string {
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}
