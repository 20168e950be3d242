package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"freshet/cmd/client"
)

// TestTakeoverFromAForeignMachine kills workers that nobody supervises. Their lost session is the sign.
func TestTakeoverFromAForeignMachine(t *testing.T) {
	t.Parallel()
	const tasks, lease = 5, 20 * time.Second
	r := newSharedRun(t, 1, lease)
	c := r.readyAPI()
	begun := time.Now()
	var mu sync.Mutex
	workers := map[int]*program{}
	another := func() {
		mu.Lock()
		defer mu.Unlock()
		p := r.worker(r.database)
		workers[p.pid()] = p
	}
	for range tasks + 2 {
		another()
	}
	var took durations
	var loops sync.WaitGroup
	for i := range tasks {
		id := r.submit(order("hold", i, nil), c)
		loops.Go(func() {
			r.attempt(id, 1)
			r.until("the reaper has watched for a lease", func() bool { return time.Since(begun) > lease+4*time.Second })
			for attempt := range size(20, 2) {
				_, pid := r.attempt(id, attempt+1)
				mu.Lock()
				victim := workers[pid]
				mu.Unlock()
				killed := time.Now()
				victim.kill()
				another()
				started, _ := r.attempt(id, attempt+2)
				took.add(started.Sub(killed))
			}
		})
	}
	loops.Wait()
	r.open("all")
	r.verify(c)
	if worst := took.report(t, "foreign machine, by the lost session"); worst > lease {
		t.Errorf("a takeover took longer than a lease: %s", worst)
	}
}

// TestTakeoverUnderDev kills workers that freshet dev supervises: it sees them die. It has as many pools of
// one worker as workers are to die, since one that dies again within a minute is started again later.
func TestTakeoverUnderDev(t *testing.T) {
	t.Parallel()
	const pools = 10
	var took durations
	for range size(10, 1) {
		r := newSharedRun(t, 1, time.Minute)
		r.pools(pools)
		c := r.dev()
		for i := range pools {
			id := r.submit(order(fmt.Sprintf("hold%d", i), i, nil), c)
			_, pid := r.attempt(id, 1)
			killed := time.Now()
			r.ok(syscall.Kill(pid, syscall.SIGKILL))
			started, _ := r.attempt(id, 2)
			took.add(started.Sub(killed))
			r.open(id + ".2")
		}
		r.verify(c)
	}
	if worst := took.report(t, "under freshet dev, which sees it die"); worst > 30*time.Second {
		t.Errorf("a takeover took as long as by a sign of a lost session: %s", worst)
	}
}

// pools gives the run so many pools of one worker, and each a kind that holds.
func (r *run) pools(count int) {
	r.t.Helper()
	var pools, kinds strings.Builder
	for i := range count {
		fmt.Fprintf(&pools, "  p%d: {slots: 1, max: 1}\n", i)
		fmt.Fprintf(&kinds, "  - {name: hold%d, pool: p%d, command: [sh, hold.sh], env: {%s: %q}, grace: 1s}\n", i, i, markVariable, r.mark)
	}
	text := "pools:\n" + pools.String() + "kinds:\n" + kinds.String()
	r.ok(os.WriteFile(filepath.Join(r.folder, "freshet.yaml"), []byte(text), 0o600))
}

// dev runs freshet dev on the run's database.
func (r *run) dev() *client.Client {
	r.t.Helper()
	r.start([]string{"dev", "--addr", "127.0.0.1:0"}, "DATABASE_URL="+r.database)
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(r.folder, ".freshet", name)) // not there yet
		return strings.TrimSpace(string(text))
	}
	r.until("freshet dev tells its address", func() bool { return read("url") != "" })
	r.key = read("api-key")
	return r.ready(read("url"))
}
