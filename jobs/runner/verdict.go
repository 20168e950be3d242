package runner

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"freshet/jobs"
	"freshet/jobs/process"
)

// evidence is all that is known of a command that is dead, or never lived.
type evidence struct {
	ran       bool
	stopped   error // why it was told to stop; nil when it was not
	unstarted error // why it did not start
	vanished  bool  // nobody saw how it ended
	result    process.Result
}

// ending is what the attempt comes to.
func (a *attempt) ending(e evidence) jobs.Ending {
	ending := jobs.Ending{Fence: a.claim.Fence, RiverJob: a.claim.RiverJob}
	if e.ran {
		ending.Usage = a.usage(e.result)
		ending.Signal = e.result.Signal
		if e.result.ExitCode >= 0 {
			ending.ExitCode = &e.result.ExitCode
		}
	}
	ending.Outcome, ending.Failure = a.judge(e)
	if ending.Outcome == jobs.OutcomeCompleted {
		ending.Output = a.report.output
	}
	if f := ending.Failure; f != nil {
		f.Attempt, f.ExitCode, f.Signal = a.claim.Attempt, ending.ExitCode, ending.Signal
		f.Message = clean(clip(f.Message, 2*maxMessage))
		if a.output != nil {
			f.LogTail = a.output.tail.String()
		}
		random := rand.Float64() //nolint:gosec // no secret
		ending.Next = jobs.Follow(*f, a.claim.Tries, a.claim.MaxTries, a.kind.Retry, a.retryAfter(f.Code), random)
	}
	return ending
}

// retryAfter is the delay that the command asked for, if it is the command's own error that counts.
func (a *attempt) retryAfter(code jobs.Code) time.Duration {
	if a.report == nil || a.report.failure == nil || code != jobs.CodeExit {
		return 0
	}
	return a.report.delay
}

func (a *attempt) usage(result process.Result) *jobs.Usage {
	return &jobs.Usage{
		CPUSeconds:    result.CPU.Seconds(),
		MaxRSSBytes:   result.MaxRSS,
		WallSeconds:   result.Wall.Seconds(),
		OutputBytes:   a.output.total,
		LeftProcesses: result.Stragglers,
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

// ours tells whether a command was stopped for what it did, not because somebody asked.
func ours(reason error) bool {
	var spool spoolError
	return errors.Is(reason, errTimeout) || errors.Is(reason, errSilent) || errors.As(reason, &spool)
}

func (a *attempt) stopped(reason error) *jobs.Failure {
	switch {
	case errors.Is(reason, errTimeout):
		return fail(jobs.CodeTimeout, "took longer than its timeout of %s", a.timeout)
	case errors.Is(reason, errSilent):
		return fail(jobs.CodeSilent, "no output and no event for %s", a.kind.Silence)
	default:
		return fail(jobs.CodeDiskFull, "output cannot be kept on the worker's disk: %s", reason)
	}
}

// failure is what is wrong with a command that ended by itself, or nil.
func (a *attempt) failure(e evidence) *jobs.Failure {
	switch {
	case a.report.failure != nil:
		return a.report.failure.failure()
	case e.result.OOM:
		return fail(jobs.CodeOOM, "the command and its descendants used more than %d bytes of memory", a.kind.Memory)
	case e.vanished:
		return fail(jobs.CodeExit, "killed from outside, together with the process that watched it")
	case e.result.Signal != "":
		return fail(jobs.CodeExit, "killed by %s", e.result.Signal)
	case e.result.ExitCode != 0:
		return fail(jobs.CodeExit, "exit code %d", e.result.ExitCode)
	case a.report.badOutput != "":
		return fail(jobs.CodeBadOutput, "%s", a.report.badOutput)
	}
	if err := a.kind.ValidateOutput(a.report.output); err != nil {
		return fail(jobs.CodeBadOutput, "the output does not fit the kind's schema: %s", err)
	}
	return nil
}

// unstarted is the failure of an attempt that never had a process.
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

// failure is what the command says of itself.
func (e lineError) failure() *jobs.Failure {
	failure := fail(jobs.CodeExit, "%s", clip(e.Message, maxMessage))
	if failure.Message == "" {
		failure.Message = "the command said that it failed"
	}
	failure.UserCode, failure.Detail = clip(e.Code, maxEventName), clip(e.Detail, maxShortLine)
	failure.Retryable = failure.Retryable && (e.Retry == nil || *e.Retry)
	return failure
}

// fail makes a failure as its code's rule has it.
func fail(code jobs.Code, format string, values ...any) *jobs.Failure {
	return &jobs.Failure{Code: code, Message: fmt.Sprintf(format, values...), Retryable: jobs.RuleOf(code).Retried}
}
