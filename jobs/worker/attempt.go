package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/runner"
	"freshet/jobs/tracing"
)

// attemptArgs are what the River job of an attempt carries: ids only.
type attemptArgs struct {
	TaskID  uuid.UUID `json:"taskId"`
	Attempt int       `json:"attempt"`
}

// Kind is the one River kind of all attempts.
func (attemptArgs) Kind() string { return postgres.RiverKind }

// attemptWorker is where River hands attempts over.
type attemptWorker struct {
	river.WorkerDefaults[attemptArgs]
	pool *Pool
}

// Timeout is none: the attempt has its own, and River never rescues a job without one.
func (*attemptWorker) Timeout(*river.Job[attemptArgs]) time.Duration { return -1 }

// Work returns nil whatever becomes of the attempt, whose River job is gone by then; only an attempt
// that this worker can no longer claim is given back.
func (w *attemptWorker) Work(ctx context.Context, job *river.Job[attemptArgs]) error {
	candidate := jobs.Candidate{TaskID: job.Args.TaskID, Attempt: job.Args.Attempt, RiverJob: job.ID}
	if !w.pool.attempt(context.WithoutCancel(ctx), candidate) {
		return river.JobSnooze(0)
	}
	return nil
}

// attempt claims, runs and ends one attempt. False: it was given up before it was claimed. A River job that
// is in hand already was set back by somebody: to claim it again would be granted, as to one who has not
// heard the answer.
func (p *Pool) attempt(ctx context.Context, candidate jobs.Candidate) bool {
	p.idle.begin()
	defer p.idle.end()
	if !p.take(candidate.RiverJob) {
		p.Logger.Warn("a River job was fetched twice, since somebody has set it back", "task", candidate.TaskID, "attempt", candidate.Attempt)
		return true
	}
	defer p.drop(candidate.RiverJob)
	claim, refusal, claimed := p.claim(ctx, candidate)
	if !claimed {
		return false
	}
	if refusal != jobs.ClaimGranted {
		p.Logger.Debug("attempt was not granted", "task", candidate.TaskID, "attempt", candidate.Attempt, "refusal", refusal)
		return true
	}
	p.work(ctx, claim)
	return true
}

// work runs an attempt that is this worker's, ends it, and tells how that went.
func (p *Pool) work(ctx context.Context, claim jobs.Claim) {
	began := time.Now()
	p.Metrics.Started(claim)
	ctx, span := p.Tracer.Start(tracing.Within(ctx, claim.Trace), tracing.Consumes, "attempt "+claim.Kind,
		tracing.Text(tracing.Kind, claim.Kind), tracing.Text(tracing.Pool, p.Worker.Pool),
		tracing.Text(tracing.Task, claim.TaskID.String()), tracing.Number(tracing.Attempt, claim.Attempt))
	defer span.End()
	outcome, code := p.carryOut(ctx, claim)
	p.Metrics.Ended(claim.Kind, outcome, code, time.Since(began))
	span.Set(tracing.Text(tracing.Outcome, string(outcome)), tracing.Text(tracing.Code, string(code)))
	span.Fail(string(code))
}

// carryOut runs an attempt and records its end. One that is not this worker's any more is lost to it.
func (p *Pool) carryOut(ctx context.Context, claim jobs.Claim) (outcome jobs.Outcome, code jobs.Code) {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p.enter(claim.TaskID, stop)
	ending, err := p.run(running, claim)
	p.leave(claim.TaskID)
	switch {
	case errors.Is(err, runner.ErrLeaseLost):
		p.Logger.Warn("attempt was killed, for the worker counts as dead or might", "error", err)
		ending = givenUp(claim)
	case err != nil:
		p.Logger.Warn("attempt is no longer this worker's", "error", err)
		return jobs.OutcomeLost, jobs.CodeLost
	}
	if !p.end(ctx, ending) {
		return jobs.OutcomeLost, jobs.CodeLost
	}
	if ending.Failure != nil {
		code = ending.Failure.Code
	}
	return ending.Outcome, code
}

// givenUp is the end of an attempt that was killed because the worker's lease ran out. If nobody has
// buried the worker meanwhile, because the database was away from all, or who watches was cut off too, then
// the worker lives on, and nobody else would ever end the attempt. Else this is refused.
func givenUp(claim jobs.Claim) jobs.Ending {
	return jobs.Ending{
		Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeLost, Next: &jobs.Next{},
		Failure: &jobs.Failure{
			Code: jobs.CodeLost, Message: "The worker was cut off for most of its lease, and stopped.", Attempt: claim.Attempt,
			Retryable: true,
		},
	}
}

// run runs the revision of the kind that the task was submitted under.
func (p *Pool) run(ctx context.Context, claim jobs.Claim) (jobs.Ending, error) {
	var retry backoff
	for {
		compiled, err := p.kinds.get(ctx, claim.Kind, claim.KindHash)
		if err == nil {
			return p.Runner.Run(ctx, claim, compiled)
		}
		var unusable *unusableError
		switch {
		case ctx.Err() != nil:
			return stopped(ctx, claim), nil //nolint:nilerr // it was told to stop, whatever err is
		case errors.As(err, &unusable):
			return notStarted(claim, err), nil
		}
		p.Logger.Warn("kind was not read", "kind", claim.Kind, "error", err)
		retry.wait(ctx)
	}
}

// stopped is the end of an attempt that was told to stop before it began.
func stopped(ctx context.Context, claim jobs.Claim) jobs.Ending {
	ending := jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeInterrupted, Next: &jobs.Next{}}
	if errors.Is(context.Cause(ctx), runner.ErrCancelled) {
		ending.Outcome, ending.Next = jobs.OutcomeCancelled, nil
	}
	return ending
}

// notStarted is the end of an attempt whose kind cannot be used, now or ever.
func notStarted(claim jobs.Claim, err error) jobs.Ending {
	return jobs.Ending{
		Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeFailed,
		Failure: &jobs.Failure{Code: jobs.CodeNotStarted, Message: err.Error(), Attempt: claim.Attempt},
	}
}

// claim retries until the database has answered, or the worker is told to leave.
func (p *Pool) claim(ctx context.Context, candidate jobs.Candidate) (jobs.Claim, jobs.ClaimRefusal, bool) {
	var retry backoff
	for !p.isLeaving() {
		claim, refusal, err := p.Store.Claim(ctx, p.Worker.ID, candidate)
		if err == nil {
			return claim, refusal, true
		}
		p.Logger.Warn("claim failed", "task", candidate.TaskID, "attempt", candidate.Attempt, "error", err)
		retry.wait(ctx)
	}
	return jobs.Claim{}, "", false
}

func (p *Pool) isLeaving() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leaving
}

// end retries until the end is recorded, or refused for good: nothing else would ever record it. It tells which.
func (p *Pool) end(ctx context.Context, ending jobs.Ending) bool {
	var retry backoff
	for {
		err := p.Store.End(ctx, ending)
		if err == nil {
			return true
		}
		p.Logger.Warn("end was not recorded", "task", ending.TaskID, "attempt", ending.Attempt, "error", err)
		if errors.Is(err, jobs.ErrFenced) {
			return false
		}
		retry.wait(ctx)
	}
}

// take takes a River job in hand; false: it is.
func (p *Pool) take(riverJob int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, inHand := p.inHand[riverJob]; inHand {
		return false
	}
	p.inHand[riverJob] = struct{}{}
	return true
}

func (p *Pool) drop(riverJob int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inHand, riverJob)
}

func (p *Pool) enter(task uuid.UUID, stop context.CancelCauseFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[task] = stop
	if p.interrupted {
		stop(runner.ErrInterrupted)
	}
	select {
	case <-p.dead:
		stop(runner.ErrLeaseLost)
	default:
	}
}

func (p *Pool) leave(task uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, task)
}

const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 5 * time.Second
)

// backoff waits longer each time, and never just as long as others do.
type backoff struct{ last time.Duration }

func (b *backoff) wait(ctx context.Context) {
	b.last = min(max(2*b.last, backoffMin), backoffMax)
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(float64(b.last) * (0.5 + rand.Float64()/2))): //nolint:gosec // no secret
	}
}
