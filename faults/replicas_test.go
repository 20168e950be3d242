package faults_test

import (
	"sync"
	"testing"
	"time"

	"freshet/cmd/client"
)

// TestKilledReplica kills the replicas of the API in turn, in the middle of submits. Who submits again with
// the same key gets the same task, and there is no half of one.
func TestKilledReplica(t *testing.T) {
	t.Parallel()
	tasks := size(1000, 150)
	r := newSharedRun(t, 4, 30*time.Second)
	replicas, clients := make([]*program, 2), make([]*client.Client, 2)
	addresses := make([]string, 2)
	for i := range replicas {
		replicas[i], addresses[i] = r.api(r.database)
		clients[i] = r.ready(addresses[i])
	}
	done := make(chan struct{})
	kills := 0
	var attack, users sync.WaitGroup
	attack.Go(func() {
		for i := 0; ; i = 1 - i {
			select {
			case <-done:
				return
			case <-time.After(300 * time.Millisecond):
			}
			replicas[i].kill()
			kills++
			replicas[i] = r.apiAt(r.database, addresses[i])
			r.ready(addresses[i])
		}
	})
	for user := range 8 {
		users.Go(func() {
			for i := user; i < tasks; i += 8 {
				order := work(i, "0")
				first := r.submit(order, clients[i%2], clients[1-i%2])
				if again := r.submit(order, clients[1-i%2], clients[i%2]); again != first {
					t.Errorf("one key made the tasks %s and %s", first, again)
				}
			}
		})
	}
	users.Wait()
	close(done)
	attack.Wait()
	if stored := r.number(`SELECT count(*) FROM freshet.tasks`); stored != tasks {
		t.Errorf("%d tasks are stored for %d keys", stored, tasks)
	}
	t.Logf("%d tasks, each submitted twice, through %d kills", tasks, kills)
	r.worker(r.database)
	r.verify(clients[0])
}

// TestFrozenReplica freezes one replica of the control plane while a worker dies: the other takes over.
// When it wakes it does no harm.
func TestFrozenReplica(t *testing.T) {
	t.Parallel()
	const lease = 5 * time.Second
	r := newSharedRun(t, 1, lease)
	var replicas [2]*program
	var clients [2]*client.Client
	for i := range replicas {
		var address string
		replicas[i], address = r.api(r.database)
		clients[i] = r.ready(address)
	}
	workers := map[int]*program{}
	for range 2 {
		p := r.worker(r.database)
		workers[p.pid()] = p
	}
	var took durations
	id := r.submit(order("hold", 0, nil), clients[0])
	for round := range size(100, 4) {
		_, pid := r.attempt(id, round+1)
		replicas[round%2].freeze()
		killed := time.Now()
		workers[pid].kill()
		p := r.worker(r.database)
		workers[p.pid()] = p
		started, _ := r.attempt(id, round+2)
		took.add(started.Sub(killed))
		replicas[round%2].thaw()
	}
	took.report(t, "with one of two replicas frozen")
	r.open("all")
	r.verify(clients[0])
}
