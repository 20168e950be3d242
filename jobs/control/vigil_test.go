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

// settle watches a healthy worker for longer than a lease, until a last beat.
func settle(last jobs.Vital) *watch {
	w := &watch{now: time.Unix(1e9, 0)}
	for i := range 40 {
		vital := last
		vital.Beat = vital.Beat.Add(time.Duration(i-39) * time.Second)
		if w.look(2, vital) {
			panic("a healthy worker is dead")
		}
	}
	return w
}

func healthy() jobs.Vital {
	return jobs.Vital{Worker: uuid.UUID{1}, Beat: time.Unix(1e9, 0), Lease: testLease, Session: true, Locked: true}
}

// silent looks at a worker that does not beat, until it is dead.
func (w *watch) silent(t *testing.T, vital jobs.Vital) (took time.Duration) {
	t.Helper()
	for begun := w.now; ; {
		if w.look(2, vital) {
			return w.now.Sub(begun)
		}
		if w.now.Sub(begun) > 2*testLease {
			t.Fatal("a silent worker is alive after two leases")
		}
	}
}

func TestExpiredLease(t *testing.T) {
	t.Parallel()
	if took := settle(healthy()).silent(t, healthy()); took <= testLease || took > testLease+lookEvery {
		t.Errorf("dead after %s", took)
	}
}

// The database's clock jumps, by hours: who beats lives, and who does not is dead after a lease.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		vital := healthy()
		w := settle(vital)
		for i := range 100 {
			vital.Beat = healthy().Beat.Add(jump + time.Duration(i)*time.Second)
			if w.look(10, vital) {
				t.Fatalf("after a jump by %s, a worker that beats is dead", jump)
			}
		}
		if took := w.silent(t, vital); took <= testLease || took > testLease+lookEvery {
			t.Errorf("after a jump by %s, dead after %s", jump, took)
		}
	}
}

func TestWhoWatchesAnewWaitsAWholeLease(t *testing.T) {
	t.Parallel()
	w := &watch{now: time.Unix(1e9, 0)}
	if w.look(0, healthy()) {
		t.Fatal("dead at the first look")
	}
	if took := w.silent(t, healthy()); took <= testLease || took > testLease+lookEvery {
		t.Errorf("dead after %s", took)
	}
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*watch){
		"a look that failed": func(w *watch) { w.breakOff() },
		"a look that was slow": func(w *watch) {
			began := w.now
			w.now = w.now.Add(3 * time.Second)
			w.judge(began, w.now, []jobs.Vital{healthy()})
		},
	} {
		w := settle(healthy())
		for range 29 { // nearly a lease
			w.look(2, healthy())
		}
		cut(w)
		if took := w.silent(t, healthy()); took < testLease {
			t.Errorf("after %s a worker is buried within %s", name, took)
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
	for range 3 {
		if w.look(2, never) {
			t.Error("dead without a lock that it never had")
		}
	}
	pooled := unlocked
	pooled.Session = false
	w = settle(vital)
	for range 3 {
		if w.look(2, pooled) {
			t.Error("dead without a session that it need not have")
		}
	}
}
