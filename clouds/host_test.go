package clouds_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"freshet/cmd/cmdtest"
)

// host is where the machines of the stand-ins are: it runs their workers, and knows how many there are.
type host struct {
	t      *testing.T
	folder string // of freshet.yaml
	env    []string

	mu      sync.Mutex
	all     []*machine
	alive   map[string]int            // by pool
	most    map[string]int            // by pool, at any time
	orders  map[string]map[string]int // units by intent, and how often each was started
	doubles []string                  // what ran twice at once
}

func newHost(t *testing.T, folder, database string) *host {
	t.Helper()
	return &host{
		t: t, folder: folder, alive: map[string]int{}, most: map[string]int{}, orders: map[string]map[string]int{},
		env: []string{
			cmdtest.Variable + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + t.TempDir(), "DATABASE_URL=" + database,
		},
	}
}

// machine is a process that runs in a unit.
type machine struct {
	pool, unit, intent string

	cmd   *exec.Cmd
	log   string
	leave func() // counts it no more: it has ended, or was told to
	done  chan struct{}
	code  int
}

// start starts a unit's process: freshet with these arguments.
func (h *host) start(pool, unit, intent string, args []string, env map[string]string) (*machine, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &machine{pool: pool, unit: unit, intent: intent, done: make(chan struct{}), leave: sync.OnceFunc(func() { h.ended(pool, intent) })}
	m.log = filepath.Join(h.folder, fmt.Sprintf("%03d-%s-%s.log", len(h.all), pool, unit))
	log, err := os.Create(m.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	m.cmd = exec.CommandContext(context.Background(), os.Args[0], args...)
	m.cmd.Dir, m.cmd.Env, m.cmd.Stdout, m.cmd.Stderr = h.folder, slices.Clone(h.env), log, log
	for name, value := range env {
		m.cmd.Env = append(m.cmd.Env, name+"="+value)
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	h.all = append(h.all, m)
	h.begin(pool, unit, intent)
	go func() {
		defer close(m.done)
		var exit *exec.ExitError
		if err := m.cmd.Wait(); errors.As(err, &exit) {
			m.code = exit.ExitCode()
		}
		m.leave()
	}()
	return m, nil
}

// begin counts a unit that begins. h.mu is held.
func (h *host) begin(pool, unit, intent string) {
	h.alive[pool]++
	h.alive[intent]++
	h.most[pool] = max(h.most[pool], h.alive[pool])
	if h.alive[intent] > 1 {
		h.doubles = append(h.doubles, intent)
	}
	if h.orders[intent] == nil {
		h.orders[intent] = map[string]int{}
	}
	h.orders[intent][unit]++
}

func (h *host) ended(pool, intent string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.alive[pool]--
	h.alive[intent]--
}

// runs is how many workers of a pool there are.
func (h *host) runs(pool string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.alive[pool]
}

// living are the processes of a pool.
func (h *host) living(pool string) (found []*machine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.all {
		select {
		case <-m.done:
		default:
			if m.pool == pool {
				found = append(found, m)
			}
		}
	}
	return found
}

// units are those that orders were carried out in, by intent.
func (h *host) units() map[string][]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := map[string][]string{}
	for intent, units := range h.orders {
		found[intent] = slices.Sorted(maps.Keys(units))
	}
	return found
}

// logs are the last lines of all workers, for messages.
func (h *host) logs() string {
	const lines = 12
	h.mu.Lock()
	defer h.mu.Unlock()
	var all strings.Builder
	for _, m := range h.all {
		text, _ := os.ReadFile(m.log)
		kept := strings.Split(strings.TrimSpace(string(text)), "\n")
		fmt.Fprintf(&all, "--- %s, intent %s\n%s\n", filepath.Base(m.log), m.intent, strings.Join(kept[max(0, len(kept)-lines):], "\n"))
	}
	return all.String()
}

// Signal tells a process to end. One that has ended is not told.
func (m *machine) Signal(sig os.Signal) {
	m.leave()
	_ = m.cmd.Process.Signal(sig)
}

// Wait waits for the end of a process and answers its exit code, -1 after a signal that killed it.
func (m *machine) Wait() int {
	<-m.done
	return m.code
}

// kill is kill -9.
func (m *machine) kill() {
	m.Signal(syscall.SIGKILL)
	<-m.done
}
