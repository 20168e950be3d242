package faults_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestChaos submits tasks to workers that are killed and frozen at random,
// while their database is killed too. Nobody tells how a worker died, as on machines of others: lost
// sessions and leases are the only signs, and so no task fails because three workers died under it.
func TestChaos(t *testing.T) {
	t.Parallel()
	const lease = 5 * time.Second
	tasks, workers, crashes := size(10_000, 250), size(8, 4), size(4, 1)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := newServer(t)
	r := newRun(t, s.url, 4, lease)
	c := r.readyAPI()
	fleet := &fleet{run: r, random: rand.New(rand.NewPCG(seed, 1)), workers: make([]*program, workers), frozen: lease + 3*time.Second}
	for i := range fleet.workers {
		fleet.workers[i] = r.worker(r.database)
	}
	begun := time.Now()
	done := make(chan struct{})
	var submits, attack sync.WaitGroup
	for user := range 8 {
		submits.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(2+user)))
			for i := user; i < tasks; i += 8 {
				r.submit(work(i, fmt.Sprintf("0.0%02d", random.IntN(100))), c)
			}
		})
	}
	attack.Go(func() { fleet.attack(done) })
	for range crashes {
		r.advance(tasks / (crashes + 2))
		s.kill()
		s.restart()
	}
	submits.Wait()
	r.within(10*patience, "nearly all tasks have ended", func() bool { return r.effects() > tasks*9/10 })
	close(done)
	attack.Wait()
	r.settle()
	t.Logf("%d tasks in %s; workers: %d kills, %d freezes of %s; %d kills of the database",
		tasks, time.Since(begun).Round(time.Second), fleet.kills, fleet.freezes, fleet.frozen, crashes)
	t.Logf("attempts of the worst task: %d", r.number(`SELECT max(attempt) FROM freshet.tasks`))
	r.verify(c)
}

// advance waits until so many more tasks have had their effect, so that crashes are spread over the run.
func (r *run) advance(tasks int) {
	r.t.Helper()
	goal := r.effects() + tasks
	r.within(10*patience, "some more tasks have had their effect", func() bool { return r.effects() >= goal })
}

// fleet is workers that die all the time.
type fleet struct {
	*run

	random         *rand.Rand
	workers        []*program
	frozen         time.Duration
	kills, freezes int
	thaws          sync.WaitGroup
}

// attack kills and freezes until it is told to stop; then whoever is frozen is woken, and all live.
func (f *fleet) attack(done <-chan struct{}) {
	defer f.thaws.Wait()
	for {
		select {
		case <-done:
			return
		case <-time.After(100*time.Millisecond + time.Duration(f.random.IntN(500))*time.Millisecond):
		}
		at := f.random.IntN(len(f.workers))
		victim := f.workers[at]
		if !victim.ended() && f.random.IntN(3) == 0 {
			f.freezes++
			victim.freeze()
			f.thaws.Go(func() {
				<-time.After(f.frozen)
				victim.thaw()
			})
		} else {
			f.kills++
			victim.kill()
		}
		f.workers[at] = f.worker(f.database)
	}
}
