package runner

import (
	"context"
	"sync"
	"time"

	"freshet/jobs"
	"freshet/jobs/kind"
)

// Hosts is a Host that can be replaced while attempts run: each attempt ends on the one that it began
// on. It is safe for use by many goroutines.
type Hosts struct {
	mu      sync.Mutex
	newest  *Host
	running map[*Host]int // attempts; of the newest, too
	until   time.Time     // of the lease; zero: there is none
}

// NewHosts makes Hosts of one.
func NewHosts(host *Host) *Hosts { return &Hosts{newest: host, running: map[*Host]int{}} }

// Replace has later attempts run on another host.
func (h *Hosts) Replace(host *Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.newest = host
	if !h.until.IsZero() {
		host.Renew(time.Until(h.until))
	}
}

// Run is that of the newest host.
func (h *Hosts) Run(ctx context.Context, claim jobs.Claim, k *kind.Kind) (jobs.Ending, error) {
	host := h.enter()
	defer h.leave(host)
	return host.Run(ctx, claim, k)
}

// Renew gives all attempts, running and future ones, a lease of d from now.
func (h *Hosts) Renew(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = time.Now().Add(d)
	h.newest.Renew(d)
	for host := range h.running {
		if host != h.newest {
			host.Renew(d)
		}
	}
}

func (h *Hosts) enter() *Host {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[h.newest]++
	return h.newest
}

func (h *Hosts) leave(host *Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[host]--; h.running[host] == 0 {
		delete(h.running, host)
	}
}
