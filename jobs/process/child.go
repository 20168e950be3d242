//go:build unix

package process

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"freshet/jobs/process/lifeline"
	"freshet/jobs/process/limit"
)

// patience is what a shim gets to do what it was told, on top of the grace, before it is killed itself.
const patience = 10 * time.Second

// Child is a running command and everything that it ever forked. All methods may be called at any time,
// from any goroutine.
type Child struct {
	line    *lifeline.Worker
	shim    *os.Process
	streams *streams
	pid     int
	grace   time.Duration
	started time.Time

	mu       sync.Mutex
	deadline time.Time // of the shim; zero: none

	done   chan struct{} // closed when all below are written
	result Result
	err    error
}

// Result says how a command ended.
type Result struct {
	ExitCode   int           // -1 if it was ended by a signal, or never heard of again
	Signal     string        // such as "SIGKILL"; empty if it exited
	OOM        bool          // the memory limit was hit
	Crowded    bool          // the limit of processes was hit
	Expired    bool          // it was killed because the lease ran out
	CPU        time.Duration // user and system time, of all processes that were waited for
	MaxRSS     int64         // bytes, of the largest process; at least that of the shim, some MB
	Stragglers int           // processes that outlived the command and were killed
	Wall       time.Duration
}

// PID is the process id of the command, which is its process group too.
func (c *Child) PID() int { return c.pid }

// Renew gives the child a lease: it lives for d from now, unless it is renewed again. A child that was
// never given one lives as long as this process. It answers os.ErrProcessDone if the child has ended.
func (c *Child) Renew(d time.Duration) error {
	select {
	case <-c.done:
		return os.ErrProcessDone
	default:
	}
	if d <= 0 {
		c.Kill()
		return nil
	}
	if err := c.line.Renew(d); err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	return nil
}

// Stop sends SIGTERM to the command's process group. When the group is gone, or the grace is over,
// everything else is killed. It returns at once; Wait tells when it is done.
func (c *Child) Stop() {
	c.expect(c.grace + patience)
	_ = c.line.Stop() // a dead shim is noticed by attend
}

// Kill kills everything. It returns at once; Wait tells when it is done.
func (c *Child) Kill() {
	c.expect(patience)
	_ = c.line.Kill() // a dead shim is noticed by attend
}

// Wait waits until the command and all its descendants are dead and all output is written. The error
// says what else went wrong: ErrLost, ErrSurvivors, ErrOutputHeld, or that of a reader or writer. The
// Result holds then too, as far as it is known.
func (c *Child) Wait() (Result, error) {
	<-c.done
	return c.result, c.err
}

// Done is closed when Wait would return.
func (c *Child) Done() <-chan struct{} { return c.done }

// expect gives the shim until d from now to end, or less if less was left.
func (c *Child) expect(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := time.Now().Add(d)
	if c.deadline.IsZero() || deadline.Before(c.deadline) {
		c.deadline = deadline
		_ = c.line.SetDeadline(deadline) // fails only when all is over
	}
}

// attend follows the child to its end.
func (c *Child) attend() {
	defer close(c.done)
	word, err := c.line.Receive()
	ended, isEnd := word.(lifeline.Ended)
	if isEnd {
		c.result = resultOf(ended)
		if ended.Survivors > 0 {
			c.err = fmt.Errorf("%w: %d", ErrSurvivors, ended.Survivors)
		}
		c.reap()
	} else {
		c.result = Result{ExitCode: -1}
		c.err = errors.Join(fmt.Errorf("%w: %w", ErrLost, err), c.bury())
	}
	c.err = errors.Join(c.err, c.streams.finish())
	c.result.Wall = time.Since(c.started)
}

// reap ends a shim that has nothing left to do, or does not do it.
func (c *Child) reap() {
	_ = c.line.Close()
	_ = c.shim.Kill()
	_, _ = c.shim.Wait()
	shims.reaped(c.shim)
}

// bury ends a shim that is dead or out of order, and everything below it.
func (c *Child) bury() error {
	c.reap()
	err := shims.bury()
	limit.Remove(c.shim.Pid)
	return err
}

func resultOf(e lifeline.Ended) Result {
	return Result{
		ExitCode: e.Status.ExitStatus(), Signal: signalOf(e.Status), OOM: e.OOM, Crowded: e.Crowded, Expired: e.Expired,
		CPU: e.CPU, MaxRSS: e.MaxRSS, Stragglers: e.Stragglers,
	}
}
