package crew

import (
	"math/rand/v2"
	"time"
)

const (
	noPause     = 50 * time.Millisecond // after the first death of what had been ready: somebody waits for it
	firstPause  = 500 * time.Millisecond
	longest     = time.Minute
	jitter      = 0.2
	proved      = time.Minute // ready for so long, an instance has proved itself
	window      = time.Minute
	tooMany     = 5           // deaths in the window
	anotherTry  = time.Minute // after too many
	exitRefused = 78          // EX_CONFIG of sysexits.h: starting again would not help
)

// restarts decides when what died may start again.
type restarts struct {
	deaths []time.Time // in the window
	count  int
	pause  time.Duration
	broken bool // died too often; the next start is a try
}

// died answers how long to wait after a death at that time, and whether the instance counts as errored.
// ready is how long it was ready.
func (r *restarts) died(now time.Time, ready time.Duration) (pause time.Duration, errored bool) {
	if ready >= proved {
		*r = restarts{}
	}
	r.count++
	for len(r.deaths) > 0 && now.Sub(r.deaths[0]) > window {
		r.deaths = r.deaths[1:]
	}
	r.deaths = append(r.deaths, now)
	if r.broken || len(r.deaths) >= tooMany {
		r.broken = true
		return vary(anotherTry), true
	}
	if r.count == 1 && ready > 0 {
		return vary(noPause), false
	}
	r.pause = min(max(2*r.pause, firstPause), longest)
	return vary(r.pause), false
}

// shorten takes up to a fifth off.
func shorten(d time.Duration) time.Duration {
	return d - time.Duration(float64(d)*jitter*rand.Float64()) //nolint:gosec // no secret
}

func vary(pause time.Duration) time.Duration {
	return time.Duration(float64(pause) * (1 - jitter + 2*jitter*rand.Float64())) //nolint:gosec // no secret
}
