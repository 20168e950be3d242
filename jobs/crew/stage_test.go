package crew

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/process"
	"freshet/jobs/process/notify"
)

// fake is a process that a test plays, on a clock of its own.
type fake struct {
	messages chan notify.Message
	signals  chan syscall.Signal
	done     chan struct{}
	end      error
	memory   int64
}

func (f *fake) PID() int              { return 0 }
func (f *fake) Done() <-chan struct{} { return f.done }
func (f *fake) Wait() error           { <-f.done; return f.end }
func (f *fake) Signal(sig syscall.Signal) error {
	f.signals <- sig
	return nil
}

// lives is ready for so long, and then waits for nothing any more.
func (f *fake) lives(d time.Duration) {
	f.messages <- notify.Ready
	f.stays(d)
}

// stays gives signs of life for so long. A signal ends it before.
func (f *fake) stays(d time.Duration) {
	end := time.After(d)
	for {
		select {
		case f.messages <- notify.Alive:
		case sig := <-f.signals:
			f.signals <- sig
			return
		case <-end:
			return
		}
		select {
		case <-time.After(5 * time.Second):
		case sig := <-f.signals:
			f.signals <- sig
			return
		case <-end:
			return
		}
	}
}

func exit(code int) error { return &process.ExitError{Code: code} }

// stage is a crew whose processes are played.
type stage struct {
	*running

	mu     sync.Mutex
	starts []time.Time
	acts   sync.WaitGroup
}

// perform runs a crew of one instance. act plays its nth process, counted from 1, and answers its end.
func perform(t *testing.T, act func(n int, f *fake) error) *stage {
	t.Helper()
	s := prepare(t, act)
	s.begin(Program{Name: "p", Instances: 1, Memory: 100})
	return s
}

// prepare is a stage before its crew runs.
func prepare(t *testing.T, act func(n int, f *fake) error) *stage {
	t.Helper()
	s := &stage{running: open(t, Config{})}
	s.launch = func(Program, int, uuid.UUID) (body, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.starts = append(s.starts, time.Now())
		n := len(s.starts)
		f := &fake{messages: make(chan notify.Message), signals: make(chan syscall.Signal, 8), done: make(chan struct{})}
		s.acts.Go(func() {
			defer close(f.done)
			f.end = act(n, f)
		})
		return body{child: f, messages: f.messages, look: func() int64 { return f.memory }}, nil
	}
	return s
}

// end stops the crew, and waits until the plays are over too.
func (s *stage) end() {
	s.t.Helper()
	s.stop()
	s.acts.Wait()
}

// pass lets time go by on the test's own clock.
func pass(d time.Duration) { <-time.After(d) }

// gaps are the times between starts.
func (s *stage) gaps() (gaps []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.starts); i++ {
		gaps = append(gaps, s.starts[i].Sub(s.starts[i-1]))
	}
	return gaps
}

func (s *stage) wantGaps(t *testing.T, life time.Duration, want ...time.Duration) {
	t.Helper()
	gaps := s.gaps()
	if len(gaps) < len(want) {
		t.Fatalf("%d pauses, want at least %d: %v", len(gaps), len(want), gaps)
	}
	for i, pause := range want {
		if got := gaps[i] - life; got < pause*8/10 || got > pause*12/10 {
			t.Errorf("pause %d is %s, want %s give or take a fifth; all: %v", i+1, got, pause, gaps)
		}
	}
}

const second = time.Second
