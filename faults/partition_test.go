package faults_test

import (
	"net/http"
	"testing"
	"time"

	"freshet/cmd/client"
)

// TestBlackHoledWorker cuts workers off so that nothing fails and nothing answers. Another takes over,
// and by the time that the next attempt starts, the command of the one before is dead.
func TestBlackHoledWorker(t *testing.T) {
	t.Parallel()
	const lease = 5 * time.Second
	rounds := size(10, 2)
	r := newSharedRun(t, 1, lease)
	c := r.readyAPI()
	var took, gap durations
	for round := range rounds {
		wire, through := newWire(t, r.database)
		lost := r.worker(through)
		id := r.submit(order("hold", round, nil), c)
		r.attempt(id, 1)
		r.until("the command runs", func() bool { return len(r.beats(id, 1)) > 3 })
		other := r.worker(r.database)
		cut := time.Now()
		wire.blackHole()
		started, _ := r.attempt(id, 2)
		took.add(started.Sub(cut))
		beats := r.beats(id, 1)
		last := beats[len(beats)-1]
		gap.add(started.Sub(last))
		if !last.Before(started) {
			t.Errorf("the command of attempt 1 lives %s after attempt 2 has begun", last.Sub(started))
		}
		wire.heal()
		r.until("the worker that was cut off has left", lost.ended)
		if after := r.beats(id, 1); len(after) != len(beats) {
			t.Errorf("the command of attempt 1 went on after attempt 2 had begun: %d signs of life", len(after)-len(beats))
		}
		r.open(id + ".2")
		r.settle()
		other.stop()
	}
	gap.report(t, "from the last sign of life of the old command to the new attempt")
	if worst := took.report(t, "black-holed worker"); worst > lease+10*time.Second {
		t.Errorf("a takeover took longer than the lease and ten seconds: %s", worst)
	}
	r.verify(c)
}

// TestBlackHoledDatabase cuts the API off from its database: submits and reads are refused in time, and
// all is well soon after.
func TestBlackHoledDatabase(t *testing.T) {
	t.Parallel()
	r := newSharedRun(t, 4, time.Minute)
	wire, through := newWire(t, r.database)
	_, address := r.api(through)
	c := r.ready(address)
	r.submit(work(0, "0"), c)
	wire.blackHole()
	orders := []client.Submission{work(1, "0"), work(2, "0"), work(3, "0")}
	for _, order := range orders {
		begun := time.Now()
		_, err := c.Submit(t.Context(), order)
		took := time.Since(begun)
		if status := statusOf(err); status != http.StatusServiceUnavailable || took > 8*time.Second {
			t.Errorf("a submit was answered %d after %s: %v", status, took, err)
		}
		t.Logf("a submit was refused after %s", took.Round(time.Millisecond))
	}
	if status, _ := r.get(address+"/healthz", adminKey); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	wire.heal()
	healed := time.Now()
	for _, order := range orders {
		r.submit(order, c)
	}
	t.Logf("the same submits were taken %s after the network was back", time.Since(healed).Round(time.Millisecond))
	r.worker(r.database)
	r.verify(c)
}

// TestBadNetwork runs workers on a network with half a second of delay in each direction, in which one
// connection of twenty breaks after a few kilobytes. Nobody is taken for dead.
func TestBadNetwork(t *testing.T) {
	t.Parallel()
	r := newSharedRun(t, 8, 30*time.Second)
	c := r.readyAPI()
	wire, through := newWire(t, r.database)
	wire.slow(500, 100)
	for range 2 {
		r.worker(through)
	}
	r.until("the workers are ready", func() bool { return r.number(`SELECT count(*) FROM freshet.workers`) == 2 })
	wire.cut(0.05, 20_000)
	begun, tasks := time.Now(), 0
	for time.Since(begun) < time.Duration(size(600, 10))*time.Second {
		r.submit(work(tasks, "1"), c)
		tasks++
		r.pass(500 * time.Millisecond)
	}
	r.settle()
	if lost := r.number(`SELECT count(*) FROM freshet.attempts WHERE outcome = 'lost'`); lost > 0 {
		t.Errorf("%d attempts were taken from workers that lived", lost)
	}
	wire.heal()
	r.verify(c)
}
