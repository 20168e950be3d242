package crew

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/process/notify"
)

const (
	lookEvery = 5 * time.Second
	// lastWord is what a process has to end that failed in one way or the other.
	lastWord = 5 * time.Second
	// reportWithin bounds the note of a death.
	reportWithin = 5 * time.Second
	// silentTicks is how many half times of the watchdog may pass without a sign. They are counted, not
	// added up by the clock: a supervisor that was frozen itself must not blame the others.
	silentTicks = 2
)

// Why a process was ended.
var (
	errNotReady = errors.New("it was not ready in time")
	errHung     = errors.New("it gave no sign of life")
)

// child is a process, as the operating system sees it.
type child interface {
	PID() int
	// Signal sends it a signal; SIGKILL takes its process group along.
	Signal(syscall.Signal) error
	Done() <-chan struct{}
	// Wait answers how it ended, when all that it leaves is gone.
	Wait() error
}

// body is a child and what is to be learned of it.
type body struct {
	child

	messages <-chan notify.Message
	look     func() int64 // at its memory and its log
}

// life is one process of the crew, from its start to its end.
type life struct {
	crew     *Crew
	program  Program
	id       uuid.UUID
	ours     bool // this crew started it
	body     body
	retiring *latch
	stopping *latch
	hurrying *latch
	killing  *latch

	ready chan struct{} // closed when it is
	worn  chan string   // has why it should be replaced, when it should
	done  chan struct{} // closed when it has ended
	end   error         // how, after done; nil is well

	// Of its goroutine.
	readyAt  time.Time
	maxAge   time.Duration    // zero: none
	silent   int              // ticks
	ending   bool             // it said that it stops
	failure  error            // why it was ended
	patience <-chan time.Time // then it is killed
	overdue  <-chan time.Time // then it is stopped, if it was to leave

	status Status // changed under the crew's lock
}

// latch is something that happens once.
type latch struct {
	once sync.Once
	set  chan struct{}
}

func newLatch() *latch { return &latch{set: make(chan struct{})} }

func (l *latch) close() { l.once.Do(func() { close(l.set) }) }

// start starts a process and looks after it until it has ended.
func (c *Crew) start(p Program, instance, deaths int) (*life, error) {
	return c.startAs(p, instance, uuid.Must(uuid.NewV7()), deaths)
}

// startAs is start with an id that is given.
func (c *Crew) startAs(p Program, instance int, id uuid.UUID, deaths int) (*life, error) {
	b, err := c.launch(p, instance, id)
	if err != nil {
		c.count(p.Name, func(t *Tally) { t.Unstarted++ })
		return nil, err
	}
	c.count(p.Name, func(t *Tally) { t.Starts++ })
	l := c.bear(p, instance, id, b)
	l.status.Deaths = deaths
	l.ours = true
	c.report(l, "starts", false)
	c.attend(l)
	return l, nil
}

func (c *Crew) bear(p Program, instance int, id uuid.UUID, b body) *life {
	return &life{
		crew: c, program: p, id: id, body: b, retiring: newLatch(), stopping: newLatch(),
		hurrying: newLatch(), killing: newLatch(),
		ready: make(chan struct{}), worn: make(chan string, 1), done: make(chan struct{}), maxAge: shorten(p.MaxAge),
		status: Status{Program: p.Name, Instance: instance, State: Starting, Since: time.Now(), ID: &id, PID: b.PID()},
	}
}

// attend makes a life known, in memory and on disk, and runs it.
func (c *Crew) attend(l *life) {
	c.mu.Lock()
	c.lives[l] = struct{}{}
	c.mu.Unlock()
	c.record()
	c.living.Go(func() {
		l.run()
		l.mourn()
		c.mu.Lock()
		delete(c.lives, l)
		c.mu.Unlock()
		c.record()
		l.farewell()
		close(l.done)
	})
}

// alive are all that live now.
func (c *Crew) alive() []*life {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*life
	for l := range c.lives {
		all = append(all, l)
	}
	return all
}

// retire has it finish what it does and leave. It may take as long as it wants.
func (l *life) retire() { l.retiring.close() }

// stop has it end, and kills it when its time to stop is up.
func (l *life) stop() { l.stopping.close() }

// hurry has what was stopped not wait for what it does.
func (l *life) hurry() { l.hurrying.close() }

// kill ends it at once.
func (l *life) kill() { l.killing.close() }

// readyFor is how long it was ready. It is for after its end.
func (l *life) readyFor() time.Duration {
	if l.readyAt.IsZero() {
		return 0
	}
	return time.Since(l.readyAt)
}

// run looks after the process until it has ended.
func (l *life) run() {
	late := time.NewTimer(l.program.readyWithin())
	defer late.Stop()
	pulse := time.NewTicker(l.crew.Watchdog / 2)
	defer pulse.Stop()
	looks := time.NewTicker(lookEvery)
	defer looks.Stop()
	retiring, stopping, hurrying, killing := l.retiring.set, l.stopping.set, l.hurrying.set, l.killing.set
	for {
		select {
		case <-l.body.Done():
			return
		case message := <-l.body.messages:
			l.hear(message)
		case <-late.C:
			l.notReady()
		case <-pulse.C:
			l.listen()
		case <-looks.C:
			l.look()
		case <-retiring:
			retiring = nil
			l.leave(l.program.retire())
			if l.program.RetireWithin > 0 {
				l.overdue = time.After(l.program.RetireWithin)
			}
		case <-l.overdue:
			l.stop()
		case <-stopping:
			stopping = nil
			l.leave(syscall.SIGTERM)
			l.patience = time.After(l.program.stopWithin())
		case <-hurrying:
			hurrying = nil
			_ = l.body.Signal(syscall.SIGINT)
		case <-killing:
			killing = nil
			_ = l.body.Signal(syscall.SIGKILL)
		case <-l.patience:
			_ = l.body.Signal(syscall.SIGKILL)
		}
	}
}

// hear takes what the process tells.
func (l *life) hear(message notify.Message) {
	l.silent = 0
	switch {
	case message.Has(notify.Stopping) && !l.ending:
		l.ending = true
		l.become(Draining)
		if l.patience == nil {
			l.patience = time.After(l.program.stopWithin())
		}
	case message.Has(notify.Ready) && l.readyAt.IsZero():
		l.readyAt = time.Now()
		if l.become(Ready) {
			l.crew.report(l, "is ready", false)
		}
		close(l.ready)
	}
}

// notReady ends a process that does not become ready.
func (l *life) notReady() {
	if l.readyAt.IsZero() && l.state() == Starting {
		l.fail(errNotReady, syscall.SIGTERM)
	}
}

// listen counts how long the process was silent. One that stops has nothing to say any more, and is bounded
// by its time to stop.
func (l *life) listen() {
	if l.readyAt.IsZero() || l.ending {
		return
	}
	if l.silent++; l.silent > silentTicks {
		l.fail(errHung, syscall.SIGABRT)
	}
}

// look takes note of the process's memory, and of its age.
func (l *life) look() {
	memory := l.body.look()
	l.crew.mu.Lock()
	l.status.Memory = memory
	ready := l.status.State == Ready
	l.crew.mu.Unlock()
	var why string
	switch {
	case !ready:
		return
	case l.program.Memory > 0 && memory > l.program.Memory:
		why = "holds too much memory"
	case l.maxAge > 0 && time.Since(l.readyAt) >= l.maxAge:
		why = "is as old as it may become"
	default:
		return
	}
	select {
	case l.worn <- why:
	default:
	}
}

// leave tells the process to go.
func (l *life) leave(signal syscall.Signal) {
	_ = l.body.Signal(signal) // fails only if it has ended
	if l.become(Draining) {
		l.crew.report(l, "is leaving", false)
	}
}

// fail ends the process for a fault of its own.
func (l *life) fail(cause error, signal syscall.Signal) {
	if l.failure != nil {
		return
	}
	l.failure = cause
	_ = l.body.Signal(signal)
	l.patience = time.After(lastWord)
}

// mourn learns how the process ended, and says so.
func (l *life) mourn() {
	l.end = l.body.Wait()
	switch {
	case l.failure != nil && l.end != nil:
		l.end = fmt.Errorf("%w: %w", l.failure, l.end)
	case l.failure != nil:
		l.end = l.failure
	}
	if l.end != nil {
		if err := l.crew.tellDeath(l.id, l.end); err != nil {
			l.crew.report(l, "died, which could not be told: "+err.Error(), true)
		}
	}
	if l.ours {
		l.crew.count(l.program.Name, func(t *Tally) {
			if l.end == nil {
				t.Left++
			} else {
				t.Died++
			}
		})
	}
}

// tellDeath tells who wants to know how a process ended.
func (c *Crew) tellDeath(id uuid.UUID, end error) error {
	if c.Died == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportWithin)
	defer cancel()
	return c.Died(ctx, id, end)
}

// farewell says how a process ended that was to leave. Of others their slot does.
func (l *life) farewell() {
	switch {
	case l.state() != Draining:
	case l.end != nil && !errors.Is(l.end, errUnseen):
		l.crew.report(l, "left, but not well: "+l.end.Error(), true)
	default:
		l.crew.report(l, "has left", false)
	}
}

func (l *life) state() State {
	l.crew.mu.Lock()
	defer l.crew.mu.Unlock()
	return l.status.State
}

// become changes the state, and says whether it was another. Who leaves does nothing else any more.
func (l *life) become(state State) bool {
	l.crew.mu.Lock()
	defer l.crew.mu.Unlock()
	if l.status.State == state || l.status.State == Draining {
		return false
	}
	l.status.State, l.status.Since = state, time.Now()
	return true
}

// report tells of a living process.
func (c *Crew) report(l *life, text string, trouble bool) {
	c.mu.Lock()
	status := l.status
	c.mu.Unlock()
	c.Report(Event{Status: status, Text: text, Trouble: trouble})
}
