package api

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"freshet/jobs/postgres"
)

const (
	// openFresh is how old a count of an owner's open tasks may be for more to be taken by it, and openAgain
	// how old for more to be refused by it.
	openFresh = 10 * time.Second
	openAgain = time.Second
	// usageRest is how many times as long as the last sum took the next one is not begun.
	usageRest  = 20
	usageBatch = 500 // owners
	// forgetAfter is how long an owner is remembered who does not come back, and forgetFull one whose bytes
	// are used up: of whom nothing is known, a few tasks are taken before the sum is there.
	forgetAfter = time.Minute
	forgetFull  = time.Hour
	// burst is how long an owner may save up.
	burst = 2 // seconds
)

// allowances are what owners may still submit. The rate is exact, but of this replica. How many tasks are
// open is counted now and then, and what was taken here since is added; so an owner can pass the limit by
// what it submits to other replicas within openFresh. Bytes are summed up in the background, by run.
type allowances struct {
	store  *postgres.Store
	limits Limits
	logger *slog.Logger

	mu      sync.Mutex
	owners  map[string]*allowance
	unknown map[string]struct{} // owners whose bytes are to be summed up
	bell    chan struct{}       // has something when there are such
}

// allowance is one owner's.
type allowance struct {
	used     time.Time
	rate     bucket
	refusals bucket // in the audit log

	taken      int       // tasks, ever
	open       int       // tasks, with those taken since the count
	openAt     time.Time // of the count; zero: there is none yet
	takenBytes int64     // ever
	bytes      int64     // with those taken since the sum
	bytesKnown bool
	bytesAt    time.Time // of the sum
	bytesAsked bool
}

// need is what one owner's part of a request asks for.
type need struct {
	owner string
	tasks int
	bytes int64
}

// byOwner adds up the needs of each owner. They end up sorted.
func byOwner(needs []need) []need {
	if len(needs) < 2 {
		return needs
	}
	slices.SortFunc(needs, func(a, b need) int { return strings.Compare(a.owner, b.owner) })
	sums := needs[:1]
	for _, next := range needs[1:] {
		if last := &sums[len(sums)-1]; last.owner == next.owner {
			last.tasks, last.bytes = last.tasks+next.tasks, last.bytes+next.bytes
		} else {
			sums = append(sums, next)
		}
	}
	return sums
}

func newAllowances(store *postgres.Store, limits Limits, logger *slog.Logger) *allowances {
	return &allowances{
		store: store, limits: limits, logger: logger,
		owners: map[string]*allowance{}, unknown: map[string]struct{}{}, bell: make(chan struct{}, 1),
	}
}

// take takes from the owners' allowances what a request needs of each, or nothing. A request may be larger than
// what is left of the rate, so that a batch of any size can be submitted: then the owner is in debt for a
// while. The error may be a problem.
func (a *allowances) take(ctx context.Context, needs ...need) error {
	for _, needed := range needs {
		if err := a.count(ctx, needed); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for _, needed := range needs {
		if err := a.refuse(needed, now); err != nil {
			return err
		}
	}
	for _, needed := range needs {
		of := a.of(needed.owner, now)
		of.rate.tokens -= float64(needed.tasks)
		of.taken, of.open = of.taken+needed.tasks, of.open+needed.tasks
		of.takenBytes, of.bytes = of.takenBytes+needed.bytes, of.bytes+needed.bytes
	}
	return nil
}

// of is an owner's allowance. The caller has the lock.
func (a *allowances) of(owner string, now time.Time) *allowance {
	of := a.owners[owner]
	if of == nil {
		of = &allowance{}
		a.owners[owner] = of
	}
	of.used = now
	return of
}

// refuse says what an owner must not have more of now. The caller has the lock.
func (a *allowances) refuse(needed need, now time.Time) error {
	owner, of := needed.owner, a.of(needed.owner, now)
	if a.limits.TasksPerSecond > 0 {
		if wait := a.wait(of, now); wait > 0 {
			return newProblem(codeRateLimited, fmt.Sprintf("%s may submit %d tasks per second.", owner, a.limits.TasksPerSecond)).
				with("Retry-After", seconds(wait))
		}
	}
	if limit := a.limits.OpenTasks; limit > 0 && of.open+needed.tasks > limit {
		return newProblem(codeTooManyTasks, fmt.Sprintf("%s has %d tasks that have not ended, and may have %d.", owner, of.open, limit)).
			with("Retry-After", retryLater)
	}
	if a.limits.Bytes <= 0 {
		return nil
	}
	if now.Sub(of.bytesAt) >= a.limits.Recount && !of.bytesAsked {
		of.bytesAsked = true
		a.unknown[owner] = struct{}{}
		ring(a.bell)
	}
	if of.bytesKnown && of.bytes+needed.bytes > a.limits.Bytes {
		return newProblem(codeQuotaExceeded, fmt.Sprintf("The tasks of %s take %d bytes, and may take %d.", owner, of.bytes, a.limits.Bytes)).
			with("Retry-After", seconds(a.limits.Recount))
	}
	return nil
}

// wait is how long it is until an owner may submit again, as far as the rate goes.
func (a *allowances) wait(of *allowance, now time.Time) time.Duration {
	perSecond := float64(a.limits.TasksPerSecond)
	return of.rate.wait(now, perSecond, burst*perSecond)
}

// count has it known how many tasks of an owner are open, well enough to decide about more.
func (a *allowances) count(ctx context.Context, needed need) error {
	limit := a.limits.OpenTasks
	if limit <= 0 {
		return nil
	}
	a.mu.Lock()
	now := time.Now()
	of := a.of(needed.owner, now)
	age := now.Sub(of.openAt)
	if age < openAgain || age < openFresh && of.open+needed.tasks <= limit {
		a.mu.Unlock()
		return nil
	}
	if !of.openAt.IsZero() {
		of.openAt = now // for those who come meanwhile, the last count is good enough
	}
	before := of.taken
	a.mu.Unlock()

	open, err := a.store.OpenTasks(ctx, needed.owner, limit)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	of.open, of.openAt = open+of.taken-before, now
	return nil
}

// run sums up the bytes of owners who submit, until ctx ends, and forgets those who do no more.
func (a *allowances) run(ctx context.Context) {
	ticker := time.NewTicker(forgetAfter)
	defer ticker.Stop()
	for {
		rest := min(time.Second, a.limits.Recount)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			a.forget(time.Now())
			continue
		case <-a.bell:
			began := time.Now()
			if err := a.sum(ctx, began); err != nil && ctx.Err() == nil {
				a.logger.Warn("what owners keep was not summed up; they may exceed their bytes", "error", err)
			}
			rest = max(rest, usageRest*time.Since(began))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// sum sums up the bytes of some of the owners of whom that was asked.
func (a *allowances) sum(ctx context.Context, now time.Time) error {
	a.mu.Lock()
	before := map[string]int64{}
	for owner := range a.unknown {
		if len(before) == usageBatch {
			ring(a.bell)
			break
		}
		delete(a.unknown, owner)
		if of := a.owners[owner]; of != nil {
			of.bytesAsked = false
			before[owner] = of.takenBytes
		}
	}
	a.mu.Unlock()

	usage, err := a.store.Usage(ctx, slices.Collect(maps.Keys(before)))
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for owner, taken := range before {
		if of := a.owners[owner]; of != nil {
			of.bytes, of.bytesKnown, of.bytesAt = usage[owner]+of.takenBytes-taken, true, now
		}
	}
	return nil
}

// forget forgets owners of whom nothing is left to remember.
func (a *allowances) forget(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for owner, of := range a.owners {
		idle := now.Sub(of.used)
		full := a.limits.Bytes > 0 && of.bytes >= a.limits.Bytes
		if idle < forgetAfter || full && idle < forgetFull {
			continue
		}
		if a.limits.TasksPerSecond <= 0 || a.wait(of, now) == 0 {
			delete(a.owners, owner)
		}
	}
}

// ring never blocks.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
