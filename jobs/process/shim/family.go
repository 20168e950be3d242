//go:build unix

package shim

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"freshet/jobs/process/lifeline"
	"freshet/jobs/process/limit"
	"freshet/jobs/process/tree"
)

const (
	sweepInterval = 10 * time.Millisecond // between two looks for what still lives
	sweepLimit    = 5 * time.Second       // after which what still lives is beyond us
)

// family is the command and all its descendants.
type family struct {
	command lifeline.Command
	main    int         // the command's process id, and its group's
	guard   limit.Guard // nil without a limit
	killer  tree.Killer
	orders  chan lifeline.Order // closed with the lifeline
	died    chan os.Signal      // SIGCHLD

	ended    bool               // the command itself was reaped
	status   syscall.WaitStatus // how it ended
	stopping bool               // SIGTERM was sent
	killing  time.Time          // since when; zero: not yet
	outlived bool               // the command was dead by then
	excess   limit.Excess       // the limit that was hit
	expired  bool

	lease, grace, sweep, look *time.Timer
}

func newFamily(worker *lifeline.Shim, command lifeline.Command) *family {
	f := &family{
		command: command, orders: make(chan lifeline.Order), died: make(chan os.Signal, 1),
		lease: unset(), grace: unset(), sweep: unset(), look: unset(),
	}
	signal.Notify(f.died, syscall.SIGCHLD)
	if limits := limitsOf(command); limits != (limit.Limits{}) {
		f.guard = limit.Watch(os.Getpid(), limits)
		if !command.Watch {
			f.guard = limit.New(limits)
		}
		f.look.Reset(limit.Interval)
	}
	go func() { // lives as long as the process
		defer close(f.orders)
		for {
			order, err := worker.Order()
			if err != nil {
				return
			}
			f.orders <- order
		}
	}()
	return f
}

func limitsOf(command lifeline.Command) limit.Limits {
	return limit.Limits{Memory: command.Memory, Processes: command.Processes}
}

// unset is a timer that does not run.
func unset() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// attend lives through the states of the package comment, until nothing is left.
func (f *family) attend() lifeline.Ended {
	for f.reap() {
		if f.hopeless() {
			return f.report(survivors())
		}
		select {
		case order, open := <-f.orders:
			f.obey(order, open)
		case <-f.died:
		case <-f.grace.C:
			f.kill()
		case <-f.lease.C:
			f.expired = true
			f.kill()
		case <-f.look.C:
			f.measure()
		case <-f.sweep.C:
			f.kill()
		}
	}
	return f.report(0)
}

func (f *family) obey(order lifeline.Order, open bool) {
	if !open {
		f.orders = nil
	}
	switch {
	case !f.killing.IsZero():
	case !open, order.Kill:
		f.kill()
	case order.Stop && !f.stopping:
		f.stopping = true
		_ = syscall.Kill(-f.main, syscall.SIGTERM) // not reaped yet, or this would be killing
		f.grace.Reset(f.command.Grace)
	case order.Renew > 0:
		f.lease.Reset(order.Renew)
	}
}

// reap takes in the dead, and says whether anything lives. It decides what the command's end means.
func (f *family) reap() bool {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil: // ECHILD
			return false
		case pid == f.main:
			f.ended, f.status = true, status
			if !adopts {
				_ = syscall.Kill(-f.main, syscall.SIGKILL) // the best that can be done
			}
		case pid == 0:
			if f.ended && f.killing.IsZero() && !f.groupMayFinish() {
				f.kill()
			}
			return true
		}
	}
}

// groupMayFinish says whether some of those who got the SIGTERM are still at their last work. A shell
// dies of it at once, while the program it started wants to save.
func (f *family) groupMayFinish() bool { return f.stopping && syscall.Kill(-f.main, 0) == nil }

// kill strikes everything that lives now, and will look again.
func (f *family) kill() {
	if f.killing.IsZero() {
		f.killing = time.Now()
		f.outlived = f.ended
		f.lease.Stop()
		f.grace.Stop()
		f.look.Stop()
	}
	if !f.ended {
		_ = syscall.Kill(-f.main, syscall.SIGKILL) // all of the group at one instant
	}
	f.killer.Kill(os.Getpid())
	f.sweep.Reset(sweepInterval)
}

// measure looks whether a limit was hit. What takes long to look at is looked at less often, but every
// second: the more there is to see, the busier is the machine.
func (f *family) measure() {
	began := time.Now()
	if f.excess = f.guard.Exceeded(); f.excess != limit.None {
		f.kill()
		return
	}
	const part, longest = 10, time.Second
	f.look.Reset(min(max(limit.Interval, part*time.Since(began)), longest))
}

// hopeless says that killing has gone on for so long that what lives cannot be killed.
func (f *family) hopeless() bool {
	return !f.killing.IsZero() && time.Since(f.killing) > sweepLimit
}

// survivors counts what still lives.
func survivors() (n int) {
	for range tree.Walk(os.Getpid()) {
		n++
	}
	return n
}

func (f *family) report(survivors int) lifeline.Ended {
	ended := lifeline.Ended{Status: f.status, Survivors: survivors, Expired: f.expired}
	if !f.ended {
		ended.Status = syscall.WaitStatus(syscall.SIGKILL) // what it will die of, if ever
	}
	if f.outlived {
		ended.Stragglers = f.killer.Count()
	}
	if f.guard != nil {
		if f.excess == limit.None { // since the last look
			f.excess = f.guard.Exceeded()
		}
		ended.OOM, ended.Crowded = f.excess == limit.Memory, f.excess == limit.Processes
		_ = f.guard.Close()
	}
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage) == nil {
		ended.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		ended.MaxRSS = int64(usage.Maxrss) * maxrssUnit //nolint:unconvert // an int32 on 32-bit systems
	}
	return ended
}
