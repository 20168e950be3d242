package control

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"freshet/jobs/supervisor"
)

const (
	// quiet is for how long no request may have needed the database until it is left alone.
	quiet = 10 * time.Second
	// lead is how long before something is due everything is awake again.
	lead = 2 * time.Second
	// longestSleep is well before the days end that partitions were made for.
	longestSleep = (partitionDays - 2) * 24 * time.Hour
	// nap is how long the clock on the wall is trusted not to have jumped, and the machine not to have been frozen.
	nap = time.Minute
)

// Sleeper lets the database sleep: it stops the parts of the process that ask it by themselves while there is
// nothing to do, and starts them again when somebody uses it, or something will be due. Create it with NewSleeper; one
// that is nil never sleeps, and cannot be run.
type Sleeper struct {
	logger *slog.Logger
	bell   bell // rung when it is to wake up

	mu     sync.Mutex
	visits int       // requests under way
	used   time.Time // when one of them last used the database
	asleep bool
}

// NewSleeper makes a Sleeper, awake; Run starts it.
func NewSleeper(logger *slog.Logger) *Sleeper {
	return &Sleeper{logger: logger, bell: newBell()}
}

// Household is what a Sleeper watches over.
type Household struct {
	Parts []supervisor.Part // that use the database by themselves. Each can be run again after it was stopped
	Stop  time.Duration     // how long they may take to stop
	// Calm tells whether nothing goes on, and how long nothing will by itself; some: it will then.
	Calm func(ctx context.Context) (calm bool, next time.Duration, some bool, err error)
	// Leave closes what is open to the database.
	Leave func()
}

// visit marks the contexts of requests.
type visit struct{}

// Enter keeps the database awake, once it is, until leave is called: for as long as a request takes. It does not
// wake it: only its use does.
func (s *Sleeper) Enter(ctx context.Context) (_ context.Context, leave func()) {
	if s == nil {
		return ctx, func() {}
	}
	s.mu.Lock()
	s.visits++
	s.mu.Unlock()
	return context.WithValue(ctx, visit{}, true), sync.OnceFunc(func() {
		s.mu.Lock()
		s.visits--
		s.mu.Unlock()
	})
}

// Touch tells that the database is used, and by whom: in a visit or not.
func (s *Sleeper) Touch(ctx context.Context) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Value(visit{}) != nil {
		s.used = time.Now()
	}
	if s.asleep {
		s.asleep = false
		s.bell.Wake()
	}
}

// Asleep tells whether nothing may be asked of the database but for somebody's sake.
func (s *Sleeper) Asleep() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asleep
}

// Run keeps the parts of a household running while they are needed, until ctx ends. The error is theirs.
func (s *Sleeper) Run(ctx context.Context, h Household) error {
	for ctx.Err() == nil {
		if err := s.live(ctx, h); err != nil || ctx.Err() != nil {
			return err
		}
		// What the parts did when they were told to stop may have changed everything.
		rest, err := s.look(ctx, h)
		if err != nil || rest == 0 {
			continue
		}
		h.Leave()
		if s.fallAsleep() {
			s.logger.Info("nothing is to be done: the database is left alone", "for", rest.Round(time.Second))
			s.sleep(ctx, rest)
			s.logger.Info("awake")
		}
	}
	return nil
}

var errCalm = errors.New("there is nothing to do")

// live runs the parts until there is nothing for them to do, or ctx ends.
func (s *Sleeper) live(ctx context.Context, h Household) error {
	living, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := make(chan error, 1)
	go func() { ended <- supervisor.Run(living, h.Stop, h.Parts...) }()
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-timer.C:
		}
		if left := s.loud(); left > 0 {
			timer.Reset(left)
			continue
		}
		timer.Reset(quiet)
		rest, err := s.look(ctx, h)
		if err != nil && ctx.Err() == nil {
			s.logger.Warn("it is not known whether there is something to do", "error", err)
		}
		if rest > 0 {
			stop(errCalm)
			return <-ended
		}
	}
}

// look tells how long nothing is to be done; zero: something is, or so soon that it is not worth it.
func (s *Sleeper) look(ctx context.Context, h Household) (time.Duration, error) {
	limited, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	calm, next, some, err := h.Calm(limited)
	switch {
	case err != nil || !calm:
		return 0, err
	case !some:
		return longestSleep, nil
	case next-lead <= quiet:
		return 0, nil
	default:
		return min(next-lead, longestSleep), nil
	}
}

// loud is how long it will take at least until it is quiet; zero or less: it is.
func (s *Sleeper) loud() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visits > 0 {
		return quiet
	}
	return quiet - time.Since(s.used)
}

// fallAsleep is the moment from which on each use wakes. False: somebody has come meanwhile.
func (s *Sleeper) fallAsleep() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asleep = s.visits == 0 && time.Since(s.used) >= quiet
	return s.asleep
}

// sleep returns when somebody uses the database, when it is time, or when ctx ends.
func (s *Sleeper) sleep(ctx context.Context, rest time.Duration) {
	until := time.Now().Add(rest).Round(0) // by the clock on the wall: the other one stands still in a frozen machine
	for left := rest; left > 0; left = time.Until(until) {
		timer := time.NewTimer(min(left, nap))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.bell:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asleep = false
}
