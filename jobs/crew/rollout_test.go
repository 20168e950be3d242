package crew

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A program is run as so many instances as was asked for, also after a reload.
func TestScale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := perform(t, func(n int, f *fake) error {
			if n == 4 {
				return exit(1)
			}
			f.lives(time.Hour)
			return nil
		})
		synctest.Wait()
		if err := s.Scale(t.Context(), "p", 3); err != nil || !s.are(Ready, Ready, Ready) {
			t.Errorf("%v, %+v", err, s.Status())
		}
		if err := s.Scale(t.Context(), "p", 5); err == nil || !strings.Contains(err.Error(), "p-3: the new process did not become ready") {
			t.Error(err)
		}
		synctest.Wait()
		if !s.are(Ready, Ready, Ready) {
			t.Errorf("after one that failed: %+v", s.Status())
		}
		if err := s.Scale(t.Context(), "p", 2); err != nil {
			t.Error(err)
		}
		if err := s.Reload(t.Context(), Program{Name: "p", Instances: 7}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !s.are(Ready, Ready) {
			t.Errorf("after the reload: %+v", s.Status())
		}
		for _, instances := range []int{0, 1} {
			if err := s.Scale(t.Context(), "p", instances); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if all := s.Status(); len(all) != instances {
				t.Errorf("scaled to %d: %+v", instances, all)
			}
		}
		if err := s.Scale(t.Context(), "q", 1); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		s.end()
	})
}

// A rollout replaces so many at once, and no more.
func TestSurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, func(_ int, f *fake) error {
			pass(second)
			f.lives(time.Hour)
			return nil
		})
		s.Surge = 2
		p := Program{Name: "p", Instances: 4}
		s.begin(p)
		pass(2 * second)
		for what, roll := range map[string]func() error{
			"reload": func() error { return s.Reload(t.Context(), p) }, "restart": func() error { return s.Restart(t.Context(), "p") },
		} {
			before := time.Now()
			if err := roll(); err != nil || time.Since(before) != 2*second {
				t.Errorf("%s: %v, after %s", what, err, time.Since(before))
			}
		}
		s.end()
	})
}

// What is as old as it may become is replaced, and those of the same age not at once.
func TestMaxAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, func(_ int, f *fake) error { f.lives(100 * time.Hour); return nil })
		s.begin(Program{Name: "p", Instances: 20, MaxAge: 10 * time.Hour})
		pass(8*time.Hour - second)
		if n := len(s.gaps()) + 1; n != 20 {
			t.Errorf("%d starts before the time", n)
		}
		pass(2*time.Hour + time.Minute)
		if n := len(s.gaps()) + 1; n != 40 {
			t.Errorf("%d starts after it", n)
		}
		apart := 0
		for _, gap := range s.gaps()[20:] {
			if gap > 0 {
				apart++
			}
		}
		if apart == 0 {
			t.Error("all were replaced at the same time")
		}
		s.end()
	})
}

// What is replaced may be given a time, and is stopped then.
func TestRetireWithin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told := make(chan time.Duration, 1)
		s := prepare(t, func(n int, f *fake) error {
			f.lives(time.Hour)
			if n > 1 {
				return nil
			}
			if sig := <-f.signals; sig != syscall.SIGUSR1 {
				t.Errorf("it leaves at %s", sig)
			}
			left := time.Now()
			f.stays(time.Hour)
			if sig := <-f.signals; sig != syscall.SIGTERM {
				t.Errorf("then it is sent %s", sig)
			}
			told <- time.Since(left)
			return nil
		})
		s.begin(Program{Name: "p", Instances: 1, Retire: syscall.SIGUSR1, RetireWithin: 10 * time.Minute})
		synctest.Wait()
		if err := s.Restart(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
		if after := <-told; after != 10*time.Minute {
			t.Errorf("it is stopped after %s", after)
		}
		s.end()
	})
}

// A crew that is stopping can be told to hurry, and to kill.
func TestHurry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan syscall.Signal, 3)
		s := perform(t, func(_ int, f *fake) error {
			f.lives(time.Hour)
			for range 3 {
				heard <- <-f.signals
			}
			return nil
		})
		synctest.Wait()
		go s.stop()
		for i, tell := range []func(){func() {}, s.Hurry, s.Kill} {
			synctest.Wait()
			tell()
			if want := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL}[i]; <-heard != want {
				t.Errorf("signal %d is not %s", i+1, want)
			}
		}
		s.acts.Wait()
		s.stop()
	})
}
