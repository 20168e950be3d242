package runner

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"freshet/jobs"
	"freshet/jobs/process"
	"freshet/jobs/tracing"
)

// evidence is all that is known of the work when it is over, or never began.
type evidence struct {
	ran        bool
	stopped    error         // why it was told to stop; nil when it was not
	unstarted  error         // why it did not begin
	failure    *jobs.Failure // what is wrong with how it ended by itself; nil when nothing is
	retryAfter time.Duration // what a route asks for with that failure
	usage      jobs.Usage    // without what the attempt itself counts
	exitCode   *int          // of a command that exited
	signal     string        // that killed it
}

// tell ends the span of the work with what is known of how it ended.
func (e evidence) tell(span tracing.Span) {
	if e.exitCode != nil {
		span.Set(tracing.Number(tracing.ExitCode, *e.exitCode))
	}
	switch {
	case e.unstarted != nil:
		span.Fail("not started")
	case e.stopped != nil:
		span.Fail("stopped")
	case e.failure != nil:
		span.Fail(string(e.failure.Code))
	}
	span.End()
}

// ending is what the attempt comes to.
func (a *attempt) ending(e evidence) jobs.Ending {
	ending := jobs.Ending{Fence: a.claim.Fence, RiverJob: a.claim.RiverJob, ExitCode: e.exitCode, Signal: e.signal}
	if e.ran {
		e.usage.OutputBytes = a.output.total
		ending.Usage = &e.usage
	}
	ending.Outcome, ending.Failure = a.judge(e)
	if ending.Outcome == jobs.OutcomeCompleted {
		ending.Output = a.secrets.JSON(a.report.output)
	}
	if f := ending.Failure; f != nil {
		f.Attempt, f.ExitCode, f.Signal = a.claim.Attempt, ending.ExitCode, ending.Signal
		f.Message = clean(clip(a.secrets.String(f.Message), 2*maxMessage))
		if a.output != nil {
			f.LogTail = a.output.tail.String()
		}
		random := rand.Float64() //nolint:gosec // no secret
		ending.Next = jobs.Follow(*f, a.claim.Tries, a.claim.MaxTries, a.kind.Retry, a.retryAfter(f, e), random)
	}
	return ending
}

// retryAfter is the delay that the failure itself asks for.
func (a *attempt) retryAfter(f *jobs.Failure, e evidence) time.Duration {
	switch {
	case f == e.failure:
		return e.retryAfter
	case f.Code == jobs.CodeExit:
		return a.report.delay
	default:
		return 0
	}
}

// judge weighs the evidence, in the order that the package's comment gives.
func (a *attempt) judge(e evidence) (jobs.Outcome, *jobs.Failure) {
	switch {
	case e.unstarted != nil:
		return jobs.OutcomeFailed, unstarted(e.unstarted)
	case e.stopped == nil:
		if failure := a.failure(e); failure != nil {
			return jobs.OutcomeFailed, failure
		}
		return jobs.OutcomeCompleted, nil
	case ours(e.stopped):
		return jobs.OutcomeFailed, a.stopped(e.stopped)
	case e.ran && a.report.output != nil && a.failure(e) == nil:
		return jobs.OutcomeCompleted, nil
	case errors.Is(e.stopped, ErrCancelled):
		return jobs.OutcomeCancelled, nil
	default:
		return jobs.OutcomeInterrupted, fail(jobs.CodeInterrupted, "the worker was told to leave")
	}
}

// ours tells whether the work was stopped for what it did, not because somebody asked.
func ours(reason error) bool {
	var spool spoolError
	var disk diskError
	return errors.Is(reason, errTimeout) || errors.Is(reason, errSilent) || errors.As(reason, &spool) || errors.As(reason, &disk)
}

func (a *attempt) stopped(reason error) *jobs.Failure {
	var disk diskError
	switch {
	case errors.As(reason, &disk):
		return fail(jobs.CodeDiskLimit, "%s", disk)
	case errors.Is(reason, errTimeout):
		return fail(jobs.CodeTimeout, "took longer than its timeout of %s", a.timeout)
	case errors.Is(reason, errSilent):
		return fail(jobs.CodeSilent, "no output and no event for %s", a.kind.Silence)
	default:
		return fail(jobs.CodeDiskFull, "output cannot be kept on the worker's disk: %s", reason)
	}
}

// failure is what is wrong with work that ended by itself, or nil.
func (a *attempt) failure(e evidence) *jobs.Failure {
	switch {
	case a.report.failure != nil:
		return a.report.failure.failure()
	case e.failure != nil:
		return e.failure
	case a.report.badOutput != "":
		return fail(jobs.CodeBadOutput, "%s", a.report.badOutput)
	}
	if err := a.kind.ValidateOutput(a.report.output); err != nil {
		return fail(jobs.CodeBadOutput, "the output does not fit the kind's schema: %s", a.misfit(err))
	}
	return nil
}

// misfit says what is wrong with an output. The message may show a part of it, and so a part of a secret;
// then it is told what is wrong without the secrets.
func (a *attempt) misfit(found error) error {
	hidden := a.secrets.JSON(a.report.output)
	if bytes.Equal(hidden, a.report.output) {
		return found
	}
	if err := a.kind.ValidateOutput(hidden); err != nil {
		return err
	}
	return errors.New("at a place that holds a secret")
}

// unstarted is the failure of an attempt whose work never began.
func unstarted(err error) *jobs.Failure {
	var input inputError
	switch {
	case errors.Is(err, process.ErrNotFound):
		return fail(jobs.CodeNotFound, "%s", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fail(jobs.CodeDiskFull, "%s", err)
	case errors.As(err, &input):
		failure := fail(jobs.CodeNotStarted, "%s", err)
		failure.Retryable = false
		return failure
	default:
		return fail(jobs.CodeNotStarted, "%s", err)
	}
}

// failure is what the command or route says of itself.
func (e lineError) failure() *jobs.Failure {
	failure := fail(jobs.CodeExit, "%s", clip(e.Message, maxMessage))
	if failure.Message == "" {
		failure.Message = "the code of the task said that it failed"
	}
	failure.UserCode, failure.Detail = clip(e.Code, maxEventName), clip(e.Detail, maxShortLine)
	failure.Retryable = failure.Retryable && (e.Retry == nil || *e.Retry)
	return failure
}

// fail makes a failure as its code's rule has it.
func fail(code jobs.Code, format string, values ...any) *jobs.Failure {
	return &jobs.Failure{Code: code, Message: fmt.Sprintf(format, values...), Retryable: jobs.RuleOf(code).Retried}
}
