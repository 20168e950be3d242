package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/redact"
	"freshet/jobs/tracing"
)

// pulse is how often a running attempt cuts its output, tells its progress and looks at its silence.
const pulse = 50 * time.Millisecond

// Reasons of our own to stop, besides the causes that the caller gives.
var (
	errTimeout = errors.New("timeout")
	errSilent  = errors.New("silent")
)

// attempt is one run of a command, or one request to a route.
//
//nolint:containedctx // it lives as long as its two contexts
type attempt struct {
	host  *Host
	claim jobs.Claim
	kind  *kind.Kind
	log   *slog.Logger

	secrets *redact.Redactor

	held     context.Context // ends when the attempt is not ours any more
	abandon  context.CancelCauseFunc
	stopping context.Context // ends when the work is to stop; its cause is why
	stop     context.CancelCauseFunc
	timeout  time.Duration
	trace    string // that the work belongs to, as a traceparent; empty: none

	space  *workspace
	spool  *spool
	output *output
	report *report
}

// begin makes an attempt that watches its context, its timeout and the lease until it is released.
func (h *Host) begin(ctx context.Context, claim jobs.Claim, k *kind.Kind) (a *attempt, release func()) {
	a = &attempt{host: h, claim: claim, kind: k, timeout: shortest(k.Timeout, claim.Timeout)}
	if k.HTTP != nil {
		a.timeout = shortest(a.timeout, k.HTTP.Timeout)
	}
	a.secrets = h.secrets(k)
	a.log = h.logger().With("task", claim.TaskID, "attempt", claim.Attempt)
	a.held, a.abandon = context.WithCancelCause(context.WithoutCancel(ctx))
	a.stopping, a.stop = context.WithCancelCause(ctx)
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

// shortest is the smaller of two limits of time, of which zero is none.
func shortest(one, other time.Duration) time.Duration {
	if one <= 0 || other > 0 && other < one {
		return other
	}
	return one
}

// run takes the attempt from nothing to the end of its work, no workspace, and all records stored.
func (a *attempt) run() evidence {
	space, err := createWorkspace(a.host.Root, folderName(a.claim.Fence), a.claim.Input, a.host.User)
	if err != nil {
		return evidence{unstarted: err}
	}
	a.space = space
	defer func() {
		if err := space.remove(); err != nil {
			a.log.Warn("workspace is left behind", "error", err)
		}
	}()
	a.open()
	defer a.spool.release()

	shipped := make(chan struct{})
	go func() {
		defer close(shipped)
		a.ship()
	}()
	e := a.execute()
	a.report.settle()
	a.output.close()
	a.saveArtifacts()
	a.spool.close()
	<-shipped
	return e
}

// open makes what catches the words of a command or route.
func (a *attempt) open() {
	a.spool = newSpool(a.space.root, a.secrets, func(err error) { a.stop(spoolError{err}) })
	a.output = newOutput(a.spool, a.kind.LogBytes)
	a.report = &report{spool: a.spool, printed: a.output, secrets: a.secrets, heard: time.Now(), source: "event file"}
	if a.kind.HTTP != nil {
		a.report.source = "answer"
	}
}

// execute does the work of the attempt, until nothing of it is left.
func (a *attempt) execute() (e evidence) {
	ctx, span := a.host.Tracer.Start(a.stopping, tracing.Calls, "run "+a.claim.Kind, tracing.Text(tracing.Kind, a.claim.Kind))
	a.trace = tracing.Parent(ctx)
	defer func() { e.tell(span) }()
	switch {
	case a.stopping.Err() != nil:
		return evidence{stopped: context.Cause(a.stopping)}
	case a.kind.HTTP != nil:
		return a.call()
	default:
		return a.command()
	}
}

// pulse does what is to be done every now and then while the work goes on.
func (a *attempt) pulse() {
	a.output.pulse()
	a.report.settle()
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
