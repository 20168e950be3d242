package crew

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"freshet/jobs/process"
	"freshet/jobs/process/notify"
)

func TestWhatCrashesDoesNotSpin(t *testing.T) {
	t.Parallel()
	for name, life := range map[string]time.Duration{"at once": 0, "every 1.1 s": 1100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := perform(t, func(_ int, f *fake) error {
					if life > 0 {
						f.lives(life)
					}
					return exit(1)
				})
				pass(10 * time.Minute)
				want := []time.Duration{second / 2, second, 2 * second, 4 * second, 60 * second, 60 * second}
				if life > 0 { // it had been ready
					want = []time.Duration{noPause, second / 2, second, 2 * second, 60 * second, 60 * second}
				}
				s.wantGaps(t, life, want...)
				if n := len(s.gaps()); n > 4+13 {
					t.Errorf("%d starts in ten minutes", n+1)
				}
				if !s.are(Errored) { // the minute may end within a try, which is over in less than
					pass(2 * time.Second)
				}
				if all := s.Status(); !s.are(Errored) || all[0].Retry == nil || !strings.Contains(all[0].Error, "exit code 1") {
					t.Errorf("%+v", all)
				}
				s.end()
			})
		})
	}
}

// A process may be ready before its slot has noticed that it is there. Who looks then sees one, not two.
func TestAProcessStandsForItsSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, func(_ int, f *fake) error { f.lives(time.Hour); return nil })
		p := Program{Name: "p", Instances: 1}
		s.slots[place{"p", 0}] = &slot{crew: s.Crew, place: place{"p", 0}, vacancy: Status{Program: "p", State: Starting}}
		l, err := s.start(p, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		<-l.ready
		synctest.Wait()
		if !s.are(Ready) {
			t.Errorf("%+v", s.Status())
		}
		l.stop()
		<-l.done
		if !s.are(Starting) {
			t.Errorf("after its end: %+v", s.Status())
		}
		s.acts.Wait()
		s.living.Wait()
	})
}

// Slow deaths are never too many, but the pauses grow.
func TestPausesGrowToAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := perform(t, func(_ int, f *fake) error { f.lives(31 * second); return exit(1) })
		pass(20 * time.Minute)
		s.wantGaps(t, 31*second, noPause, second/2, second, 2*second, 4*second, 8*second, 16*second, 32*second, 60*second, 60*second)
		if strings.Contains(s.seen.text(), "too often") {
			t.Error(s.seen.text())
		}
		s.end()
	})
}

func TestAMinuteProves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := perform(t, func(n int, f *fake) error {
			if n > 6 { // the try after too many deaths, too, proves
				f.lives(61 * second)
			}
			return exit(1)
		})
		pass(5*time.Minute + 50*second)
		gaps := s.gaps()
		if len(gaps) < 8 || gaps[6] > 62*second || gaps[7] > 62*second {
			t.Errorf("pauses %v", gaps)
		}
		if all := s.Status(); all[0].Deaths > 1 {
			t.Errorf("%+v", all)
		}
		s.end()
	})
}

func TestWhatDoesNotStartAgain(t *testing.T) {
	t.Parallel()
	for code, state := range map[int]State{0: Stopped, exitRefused: Errored} {
		synctest.Test(t, func(t *testing.T) {
			s := perform(t, func(int, *fake) error {
				if code == 0 {
					return nil
				}
				return exit(code)
			})
			pass(time.Hour)
			if !s.are(state) || len(s.gaps()) != 0 {
				t.Errorf("after exit code %d: %+v", code, s.Status())
			}
			if err := s.Reset(t.Context(), "p"); err != nil {
				t.Error(err)
			}
			if len(s.gaps()) != 1 {
				t.Error("a reset does not start it")
			}
			if err := s.Reset(t.Context(), "q"); !errors.Is(err, ErrUnknown) {
				t.Error(err)
			}
			s.end()
		})
	}
}

// What hangs is asked for its stacks, and killed.
func TestSilenceIsDeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := perform(t, func(n int, f *fake) error {
			f.messages <- notify.Ready
			if n > 1 {
				f.stays(time.Hour)
				return nil
			}
			if sig := <-f.signals; sig != syscall.SIGABRT || time.Since(begun) < defaultWatchdog {
				t.Errorf("%s after %s", sig, time.Since(begun))
			}
			if sig := <-f.signals; sig != syscall.SIGKILL {
				t.Error(sig)
			}
			return &process.ExitError{Code: -1, Signal: "SIGKILL"}
		})
		pass(2 * time.Minute)
		if !s.are(Ready) || !strings.Contains(s.seen.text(), errHung.Error()) {
			t.Error(s.seen.text())
		}
		s.end()
	})
}

func TestLateIsDeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := perform(t, func(_ int, f *fake) error { <-f.signals; return nil })
		pass(defaultReadyWithin + 100*time.Millisecond)
		if all := s.Status(); !s.are(Backoff) || !strings.Contains(all[0].Error, errNotReady.Error()) {
			t.Errorf("%+v", all)
		}
		s.end()
	})
}

// A rollout whose new process fails leaves the old one as it was; one that succeeds lets it finish.
func TestReplace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := make(chan syscall.Signal, 1)
		s := perform(t, func(n int, f *fake) error {
			switch n {
			case 1:
				f.lives(time.Hour)
				left <- <-f.signals
				f.stays(10 * time.Minute) // it finishes what it does
				return nil
			case 2:
				pass(second)
				return exit(exitRefused)
			default:
				f.lives(time.Hour)
				return nil
			}
		})
		synctest.Wait()
		p := Program{Name: "p", Instances: 1, Retire: syscall.SIGUSR1}
		if err := s.Reload(t.Context(), p); err == nil || !strings.Contains(err.Error(), "p-0: the new process did not become ready: exit code 78") {
			t.Error(err)
		}
		if !s.are(Ready) {
			t.Errorf("%+v", s.Status())
		}
		if err := s.Reload(t.Context(), p); err != nil {
			t.Error(err)
		}
		if sig := <-left; sig != syscall.SIGTERM {
			t.Errorf("the program of before leaves at %s", sig)
		}
		synctest.Wait()
		if !s.are(Draining, Ready) {
			t.Errorf("%+v", s.Status())
		}
		pass(11 * time.Minute)
		if !s.are(Ready) {
			t.Errorf("%+v", s.Status())
		}
		if err := s.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !s.are() {
			t.Errorf("%+v", s.Status())
		}
		s.end()
	})
}

// What is too large is replaced, and not all the time when that fails.
func TestTooMuchMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := perform(t, func(n int, f *fake) error {
			switch n {
			case 1:
				f.memory = 101
				f.lives(time.Hour)
				return nil
			case 2, 3:
				return exit(1)
			default:
				f.memory = 100
				f.lives(time.Hour)
				return nil
			}
		})
		pass(10 * time.Minute)
		if gaps := s.gaps(); len(gaps) != 3 || gaps[0] != 5*second || gaps[1] < relief || gaps[2] < relief {
			t.Errorf("starts after %v\n%s", gaps, s.seen.text())
		}
		if all := s.Status(); !s.are(Ready) || all[0].Memory != 100 {
			t.Errorf("%+v", all)
		}
		s.end()
	})
}

func TestOrdersAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := perform(t, func(_ int, f *fake) error { f.lives(time.Hour); return nil })
		synctest.Wait()
		if err := s.Stop(t.Context(), "p"); err != nil || !s.are(Stopped) {
			t.Errorf("%v, %+v", err, s.Status())
		}
		if err := s.Restart(t.Context(), "p"); err != nil || !s.are(Ready) {
			t.Errorf("%v, %+v", err, s.Status())
		}
		s.stop()
		if err := s.Reload(context.Background()); !errors.Is(err, ErrEnded) {
			t.Error(err)
		}
		s.acts.Wait()
	})
}

// What hangs while it finishes what it does does not stay for ever, and neither does what hangs while it
// stops.
func TestSilenceWhileLeaving(t *testing.T) {
	t.Parallel()
	for _, says := range []notify.Message{notify.Alive, notify.Stopping} {
		synctest.Test(t, func(t *testing.T) {
			s := perform(t, func(n int, f *fake) error {
				f.lives(time.Hour)
				if n > 1 {
					return nil
				}
				<-f.signals
				f.messages <- says
				for sig := range f.signals {
					if sig == syscall.SIGKILL {
						break
					}
				}
				return &process.ExitError{Code: -1, Signal: "SIGKILL"}
			})
			synctest.Wait()
			if err := s.Restart(t.Context(), "p"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if !s.are(Draining, Ready) {
				t.Errorf("%+v", s.Status())
			}
			pass(2 * time.Minute)
			if !s.are(Ready) || strings.Contains(s.seen.text(), errHung.Error()) != (says == notify.Alive) {
				t.Errorf("%+v\n%s", s.Status(), s.seen.text())
			}
			s.end()
		})
	}
}
