package faults_test

import (
	"strings"
	"testing"
	"time"
)

// TestZombie has a worker finish an attempt while it is cut off from the database, and freezes it with
// that end in its hands. It counts as dead, another worker runs the next attempt, and then it wakes and
// tells of the end. In a build without the fence this must be noticed.
func TestZombie(t *testing.T) {
	t.Parallel()
	r := newSharedRun(t, 1, 5*time.Second)
	c := r.readyAPI()
	wire, through := newWire(t, r.database)
	zombie := r.worker(through)
	id := r.submit(order("hold", 0, nil), c)
	r.attempt(id, 1)
	r.until("the command runs", func() bool { return len(r.beats(id, 1)) > 0 })
	wire.blackHole()
	r.open(id + ".1")
	r.until("the command has ended", func() bool { return r.effects() == 1 })
	r.pass(500 * time.Millisecond) // for its worker to see that
	zombie.freeze()
	r.worker(r.database)
	r.attempt(id, 2)
	wire.heal()
	zombie.thaw()
	r.until("the zombie has spoken and left", zombie.ended)
	if !strings.Contains(r.crew.logs(1000), "end was not recorded") {
		t.Error("the zombie did not try to record its end: this tested nothing")
	}
	r.open(id + ".2")
	if fenced {
		r.verify(c)
		return
	}
	r.settle()
	found := strings.Join(r.violations(), "; ")
	if !strings.Contains(found, "stale attempt") || !strings.Contains(found, "ended twice") {
		t.Errorf("without the fence, the harness must see a task finished by a stale attempt, and twice: %q", found)
	}
	t.Logf("without the fence: %s", found)
}
