package control

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// watch is a vigil and the clock that it goes by.
type watch struct {
	vigil
	now time.Time
}

const testLease = time.Minute

// look judges one worker, seconds after the last look.
func (w *watch) look(seconds float64, vital jobs.Vital) (dead bool) {
	w.now = w.now.Add(time.Duration(seconds * float64(time.Second)))
	return len(w.judge(w.now, w.now, []jobs.Vital{vital})) > 0
}

// settle watches a healthy worker for longer than a lease.
func settle(vital jobs.Vital) *watch {
	w := &watch{now: time.Unix(1e9, 0)}
	for range 40 {
		if w.look(2, vital) {
			panic("a healthy worker is dead")
		}
	}
	return w
}

func healthy() jobs.Vital {
	return jobs.Vital{Worker: uuid.UUID{1}, Beat: time.Unix(1e9, 0), Lease: testLease, Session: true, Locked: true}
}

func TestExpiredLease(t *testing.T) {
	t.Parallel()
	vital := healthy()
	w := settle(vital)
	vital.Expired = true
	if !w.look(2, vital) {
		t.Error("a worker whose lease has run out is alive")
	}
}

func TestWhoWatchesAnewWaitsAWholeLease(t *testing.T) {
	t.Parallel()
	vital := healthy()
	vital.Expired = true
	w := &watch{now: time.Unix(1e9, 0)}
	for range 30 { // 60 s, the first look included
		if w.look(2, vital) {
			t.Fatalf("dead after %s", w.now.Sub(w.since))
		}
	}
	if !w.look(2, vital) {
		t.Error("alive after more than a lease")
	}
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	expired := healthy()
	expired.Expired = true
	for name, cut := range map[string]func(*watch){
		"a look that failed": func(w *watch) { w.breakOff() },
		"a look that was slow": func(w *watch) {
			began := w.now
			w.now = w.now.Add(3 * time.Second)
			w.judge(began, w.now, []jobs.Vital{healthy()})
		},
	} {
		w := settle(healthy())
		cut(w)
		if w.look(2, expired) {
			t.Errorf("after %s a worker is buried at once", name)
		}
	}
}

func TestLostSession(t *testing.T) {
	t.Parallel()
	vital := healthy()
	unlocked := vital
	unlocked.Locked = false
	beaten := unlocked
	beaten.Beat = beaten.Beat.Add(time.Second)
	twice := beaten
	twice.Beat = twice.Beat.Add(time.Second)

	w := settle(vital)
	if w.look(2, unlocked) {
		t.Error("dead at the first look")
	}
	if !w.look(2, unlocked) {
		t.Error("alive at the second look, without a beat")
	}
	w = settle(vital)
	w.look(2, unlocked)
	if w.look(2, beaten) || w.look(2, twice) {
		t.Error("dead, although it beat between the looks")
	}
	w = settle(vital)
	w.look(2, unlocked)
	w.look(2, vital)
	if w.look(2, unlocked) {
		t.Error("dead at the first look after it had its session back")
	}
	w = settle(vital)
	w.look(2, unlocked)
	if w.look(0.5, unlocked) {
		t.Error("dead half a second after the first look")
	}
	never := unlocked
	w = settle(never)
	if w.look(2, never) || w.look(2, never) {
		t.Error("dead without a lock that it never had")
	}
	pooled := unlocked
	pooled.Session = false
	w = settle(vital)
	if w.look(2, pooled) || w.look(2, pooled) {
		t.Error("dead without a session that it need not have")
	}
}
