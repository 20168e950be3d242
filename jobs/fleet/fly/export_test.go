package fly

import (
	"context"
	"time"
)

// Authorization is authorization.
func Authorization(token string) string { return authorization(token) }

// Size is the guest of a size.
func Size(size string) (kind string, cpus, memory int, err error) {
	g, err := sized(size)
	if err != nil {
		return "", 0, 0, err
	}
	return g.CPUKind, g.CPUs, g.MemoryMB, nil
}

// Paced makes a pace, and waits by it.
func Paced() func(ctx context.Context, action, key string) error {
	return (&pace{every: time.Second, next: map[string]time.Time{}}).wait
}

// ActionGet and ActionStart are sorts of requests.
const (
	ActionGet   = actionGet
	ActionStart = actionStart
)
