package webhook

import "time"

// jitter is the part of a delay that may be added to it.
const jitter = 0.1

// Delay tells how long to wait, after so many failures, until a message is sent again: about 76 hours in
// all, ten sendings with the first. False means that it is given up. random is from 0 up to 1, and spreads
// what failed together over a tenth of the delay. If the receiver asked for more time (Answer.RetryAfter)
// it gets that.
func Delay(failures int, retryAfter time.Duration, random float64) (time.Duration, bool) {
	delays := [...]time.Duration{
		0,
		5 * time.Second,
		5 * time.Minute,
		30 * time.Minute,
		2 * time.Hour,
		5 * time.Hour,
		10 * time.Hour,
		14 * time.Hour,
		20 * time.Hour,
		24 * time.Hour,
	}
	if failures >= len(delays) {
		return 0, false
	}
	delay := delays[max(failures, 0)]
	return max(delay+time.Duration(float64(delay)*jitter*random), retryAfter), true
}
