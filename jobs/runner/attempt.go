package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/process"
)

// pulse is how often a running attempt reads its event file, cuts its output and looks at its silence.
const pulse = 50 * time.Millisecond

// Reasons of our own to stop a command, besides the causes that the caller gives.
var (
	errTimeout = errors.New("timeout")
	errSilent  = errors.New("silent")
)

// attempt is one run of a command.
//
//nolint:containedctx // it lives as long as its two contexts
type attempt struct {
	host  *Host
	claim jobs.Claim
	kind  *kind.Kind
	log   *slog.Logger

	held     context.Context // ends when the attempt is not ours any more
	abandon  context.CancelCauseFunc
	stopping context.Context // ends when the command is to stop; its cause is why
	stop     context.CancelCauseFunc
	timeout  time.Duration

	space  *workspace
	spool  *spool
	output *output
	report *report
	events *eventFile
}

// begin makes an attempt that watches its context, its timeout and the lease until it is released.
func (h *Host) begin(ctx context.Context, claim jobs.Claim, k *kind.Kind) (a *attempt, release func()) {
	a = &attempt{host: h, claim: claim, kind: k, timeout: k.Timeout}
	a.log = h.logger().With("task", claim.TaskID, "attempt", claim.Attempt)
	a.held, a.abandon = context.WithCancelCause(context.WithoutCancel(ctx))
	a.stopping, a.stop = context.WithCancelCause(ctx)
	if claim.Timeout > 0 && (a.timeout <= 0 || claim.Timeout < a.timeout) {
		a.timeout = claim.Timeout
	}
	endTimeout := func() {}
	if a.timeout > 0 {
		a.stopping, endTimeout = context.WithTimeoutCause(a.stopping, a.timeout, errTimeout)
	}
	unwatch := context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); lost(cause) {
			a.abandon(cause)
		}
	})
	h.lease.enter(a)
	return a, func() {
		unwatch()
		h.lease.leave(a)
		endTimeout()
		a.stop(nil)
		a.abandon(nil)
	}
}

// run takes the attempt from nothing to a dead command, no workspace, and all records stored.
func (a *attempt) run() evidence {
	space, err := createWorkspace(a.host.Root, folderName(a.claim.Fence), a.claim.Input)
	if err != nil {
		return evidence{unstarted: err}
	}
	a.space = space
	defer func() {
		if err := space.remove(); err != nil {
			a.log.Warn("workspace is left behind", "error", err)
		}
	}()
	if err := a.open(); err != nil {
		return evidence{unstarted: err}
	}
	defer a.events.close()
	defer a.spool.release()

	shipped := make(chan struct{})
	go func() {
		defer close(shipped)
		a.ship()
	}()
	e := a.execute()
	a.events.finish()
	a.output.close()
	a.saveArtifacts()
	a.spool.close()
	<-shipped
	return e
}

// open makes what catches the command's words.
func (a *attempt) open() (err error) {
	a.spool = newSpool(a.space.root, func(err error) { a.stop(spoolError{err}) })
	a.output = newOutput(a.spool, a.kind.LogBytes)
	a.report = &report{spool: a.spool, printed: a.output, heard: time.Now()}
	a.events, err = openEventFile(a.space.root, a.report)
	return err
}

// execute runs the command until it is dead.
func (a *attempt) execute() evidence {
	if a.stopping.Err() != nil {
		return evidence{stopped: context.Cause(a.stopping)}
	}
	spec, err := a.spec()
	if err != nil {
		return evidence{unstarted: err}
	}
	child, err := process.Start(a.stopping, spec)
	switch {
	case err == nil:
		a.host.lease.attach(a, child)
		return a.attend(child)
	case a.stopping.Err() != nil:
		return evidence{stopped: context.Cause(a.stopping)}
	default:
		return evidence{unstarted: err}
	}
}

// attend follows a running command to its end.
func (a *attempt) attend(child *process.Child) evidence {
	e := evidence{ran: true}
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	stopping, lost := a.stopping.Done(), a.held.Done()
	for {
		select {
		case <-ticker.C:
			a.pulse()
		case <-stopping:
			e.stopped, stopping = context.Cause(a.stopping), nil
			child.Stop()
		case <-lost:
			lost = nil
			child.Kill()
		case <-child.Done():
			result, err := child.Wait()
			e.result, e.vanished = result, errors.Is(err, process.ErrLost)
			if err != nil {
				a.log.Warn("command did not end cleanly", "error", err)
			}
			if result.Expired {
				a.abandon(ErrLeaseLost)
			}
			return e
		}
	}
}

// pulse does what is to be done every now and then while the command runs.
func (a *attempt) pulse() {
	a.output.pulse()
	a.events.poll()
	silence := min(time.Since(a.output.lastHeard()), time.Since(a.report.heard))
	if a.kind.Silence > 0 && silence > a.kind.Silence {
		a.stop(errSilent)
	}
}

// persist repeats a write to the Sink until it is done, or the attempt is not ours any more.
func (a *attempt) persist(operation string, write func(context.Context) error) error {
	const first, longest = 100 * time.Millisecond, 5 * time.Second
	for pause := first; ; pause = min(2*pause, longest) {
		err := write(a.held)
		if err == nil {
			return nil
		}
		if errors.Is(err, jobs.ErrFenced) {
			a.abandon(err)
		} else if pause == first {
			a.log.Warn("write failed and is repeated", "operation", operation, "error", err)
		}
		select {
		case <-a.held.Done():
			return fmt.Errorf("%s: %w", operation, context.Cause(a.held))
		case <-time.After(jittered(pause)):
		}
	}
}
