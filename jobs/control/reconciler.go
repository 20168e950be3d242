package control

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/fleet"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
)

const (
	// reconcileEvery is how long a lost hint can delay the start of a worker, if nothing else was said.
	reconcileEvery = 5 * time.Second
	// reconcileRest follows each look at a pool: hints come in swarms.
	reconcileRest = 25 * time.Millisecond
	// lookBack is when a pool is looked at once more after a hint: a worker that had just said that it might leave
	// has decided by then.
	lookBack = 220 * time.Millisecond
	// busyRest is when a pool is looked at that another replica was deciding for.
	busyRest = 100 * time.Millisecond
	// startTimeout bounds one order; an order that is not done by then is given again by whoever finds it.
	startTimeout = 50 * time.Second
	// giveUpAfter is when a unit that never came up counts no more, although its provider could not be told to stop it. The
	// audit goes on to do so.
	giveUpAfter = 5 * time.Minute
	// auditEvery is how often the ledger is compared with what the provider says.
	auditEvery = time.Minute
)

// Reconciler starts workers where work waits for them: it brings together what is needed, what the ledger says
// there is, and the providers. Create it with NewReconciler.
type Reconciler struct {
	// Sweep is how long a lost hint can delay the start of a worker. It is to be set before Run.
	Sweep time.Duration

	store   *postgres.Store
	metrics *metrics.Replica
	logger  *slog.Logger
	bell    bell

	mu        sync.Mutex
	providers map[string]fleet.Provider // by pool
	due       map[string]time.Time      // when each pool is looked at next
	audits    map[string]time.Time      // when each is compared with its provider next
	ran       map[string]time.Time      // when the ledger last knew of units that have not ended
	empty     map[string]time.Time      // since when its provider is known to run nothing; zero: it runs something
}

// NewReconciler makes a Reconciler without pools; Run starts it. Its orders are counted by metrics, which may be nil.
func NewReconciler(store *postgres.Store, counted *metrics.Replica, logger *slog.Logger) *Reconciler {
	return &Reconciler{Sweep: reconcileEvery, store: store, metrics: counted, logger: logger, bell: newBell()}
}

// Provide makes these the providers of pools. Pools that are not among them are nobody's of this process.
func (r *Reconciler) Provide(providers map[string]fleet.Provider) {
	r.mu.Lock()
	r.providers = providers
	r.due, r.audits = map[string]time.Time{}, map[string]time.Time{}
	r.ran, r.empty = map[string]time.Time{}, map[string]time.Time{}
	r.mu.Unlock()
	r.bell.Wake()
}

// Wake has the Reconciler look at a pool at once; an empty name means all. It never blocks.
func (r *Reconciler) Wake(pool string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.providers {
		if pool == "" || pool == name {
			r.due[name] = time.Time{}
			r.bell.Wake()
		}
	}
}

// Empty tells whether no provider has run anything since the ledger knew of no unit any more. Where that is not known, it is found out,
// and known the next time.
func (r *Reconciler) Empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	empty := true
	for pool := range r.providers {
		if since := r.empty[pool]; since.IsZero() || r.ran[pool].After(since) {
			empty = false
			r.due[pool], r.audits[pool] = time.Time{}, time.Time{}
			r.bell.Wake()
		}
	}
	return empty
}

// slowest is how long a worker of the slowest provider takes to start.
func (r *Reconciler) slowest() (longest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, provider := range r.providers {
		longest = max(longest, provider.StartTime)
	}
	return longest
}

// note keeps what an audit, which began at a time, has seen of a provider's units.
func (r *Reconciler) note(pool string, began time.Time, known []fleet.Unit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.empty[pool] = began
	if slices.ContainsFunc(known, func(unit fleet.Unit) bool { return unit.State.Alive() }) {
		r.empty[pool] = time.Time{}
	}
}

// Run looks at pools until ctx ends, and then waits for what it has begun. A database that is away is waited for.
func (r *Reconciler) Run(ctx context.Context) error {
	var errands sync.WaitGroup
	defer errands.Wait()
	for {
		next := time.Now().Add(r.Sweep)
		for pool, provider := range r.ready() {
			r.pass(ctx, pool, provider, &errands)
		}
		r.mu.Lock()
		for _, at := range r.due {
			if at.Before(next) {
				next = at
			}
		}
		r.mu.Unlock()
		if !r.bell.rest(ctx, reconcileRest, time.Until(next)) {
			return nil
		}
	}
}

// ready are the pools that are to be looked at now, and takes note that they are.
func (r *Reconciler) ready() map[string]fleet.Provider {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, found := time.Now(), map[string]fleet.Provider{}
	for pool, provider := range r.providers {
		if at := r.due[pool]; !at.After(now) {
			found[pool] = provider
			r.due[pool] = now.Add(r.Sweep + time.Duration(rand.Int64N(int64(r.Sweep/5)))) //nolint:gosec // no secret
			if at.IsZero() {
				r.due[pool] = now.Add(lookBack)
			}
		}
	}
	return found
}

// again has a pool looked at after a while, if it would not be sooner.
func (r *Reconciler) again(pool string, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := time.Now().Add(pause); at.Before(r.due[pool]) {
		r.due[pool] = at
	}
}

// pass looks at one pool and sends for the workers that it needs.
func (r *Reconciler) pass(ctx context.Context, pool string, provider fleet.Provider, errands *sync.WaitGroup) {
	provision, err := r.store.Provision(ctx, pool, provider.BootTime, fleet.Decide)
	if err != nil {
		if ctx.Err() == nil {
			r.logger.Warn("a pool could not be looked at; nothing is started until it can", "pool", pool, "error", err)
		}
		return
	}
	if provision.Busy {
		r.again(pool, busyRest)
		return
	}
	if pause := fleet.Pause(provision.Demand); pause > 0 {
		r.again(pool, pause)
	}
	if provision.Due != nil {
		r.again(pool, *provision.Due)
	}
	if provision.Demand.Units+len(provision.Orders)+len(provision.Late) > 0 {
		r.mu.Lock()
		r.ran[pool] = time.Now()
		r.mu.Unlock()
	}
	for _, order := range provision.Orders {
		errands.Go(func() { r.start(ctx, pool, provider, order) })
	}
	for _, late := range provision.Late {
		errands.Go(func() { r.giveUp(ctx, pool, provider, late) })
	}
	if r.auditDue(pool) {
		errands.Go(func() { r.audit(ctx, pool, provider) })
	}
}

// start carries out an order. What the provider has taken is noted even when ctx ends meanwhile.
func (r *Reconciler) start(ctx context.Context, pool string, provider fleet.Provider, order jobs.Unit) {
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	id, err := provider.Start(starting, fleet.Order{Intent: order.Intent, Generation: order.Generation})
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	switch {
	case err == nil:
		r.metrics.Order(pool, metrics.OrderStarted)
		err = r.store.UnitStarted(noting, order.Intent, id)
	case errors.Is(err, fleet.ErrRefused):
		r.metrics.Order(pool, metrics.OrderRefused)
		r.logger.Warn("a provider started no worker", "pool", pool, "error", err)
		err = r.store.UnitEnded(noting, order.Intent, jobs.UnitRefused, err.Error())
	default:
		r.metrics.Order(pool, metrics.OrderUnknown)
	}
	if err != nil && ctx.Err() == nil {
		r.logger.Warn("it is not known whether a worker was started; the order is given again", "pool", pool, "intent", order.Intent, "error", err)
	}
}

// giveUp ends a unit that has no worker although its time is over. It counts until its provider was told to stop it,
// or does not have it; but not for ever, where the provider does not answer.
func (r *Reconciler) giveUp(ctx context.Context, pool string, provider fleet.Provider, late jobs.Unit) {
	stopping, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	r.logger.Warn("a unit did not come up in time", "pool", pool, "unit", late.ID, "intent", late.Intent)
	err := stopOrder(stopping, provider, late)
	if err == nil || time.Since(late.BootUntil) > giveUpAfter {
		noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
		defer cancel()
		err = errors.Join(err, r.store.UnitEnded(noting, late.Intent, jobs.UnitLate, "no worker came up in time"))
	}
	if err != nil && ctx.Err() == nil {
		r.logger.Warn("a unit that did not come up was not stopped; in a minute it is tried again", "pool", pool, "unit", late.ID, "error", err)
	}
}

// stopOrder stops what runs for an order. Where the answer to that was lost the provider's list says what it is.
func stopOrder(ctx context.Context, provider fleet.Provider, late jobs.Unit) error {
	if late.ID != "" {
		return provider.Stop(ctx, late.ID)
	}
	known, err := provider.List(ctx)
	for _, unit := range known {
		if unit.Intent == late.Intent && unit.State.Alive() {
			err = errors.Join(err, provider.Stop(ctx, unit.ID))
		}
	}
	return err
}

func (r *Reconciler) auditDue(pool string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	due := !now.Before(r.audits[pool])
	if due {
		r.audits[pool] = now.Add(auditEvery)
	}
	return due
}

// audit compares the ledger of a pool with what its provider says, in both directions.
func (r *Reconciler) audit(ctx context.Context, pool string, provider fleet.Provider) {
	auditing, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	began := time.Now()
	known, err := provider.List(auditing) // first: what is started in between is in the ledger, then
	var ledger []jobs.Unit
	var workers []jobs.Worker
	if err == nil {
		ledger, err = r.store.Units(auditing, pool)
	}
	if err == nil {
		workers, err = r.store.Workers(auditing)
	}
	if err != nil {
		if ctx.Err() == nil {
			r.logger.Warn("a pool was not compared with its provider", "pool", pool, "error", err)
		}
		return
	}
	r.note(pool, began, known)
	findings := fleet.Audit(ledger, workers, known, time.Now())
	if err := r.mend(auditing, pool, provider, findings); err != nil && ctx.Err() == nil {
		r.logger.Warn("not all that an audit found was mended; the next one does it", "pool", pool, "error", err)
	}
}

// mend does what follows from an audit. One unit whose host does not answer keeps no other waiting.
func (r *Reconciler) mend(ctx context.Context, pool string, provider fleet.Provider, findings fleet.Findings) error {
	var err error
	for _, gone := range findings.Gone {
		err = errors.Join(err, r.store.UnitEnded(ctx, gone.Intent, jobs.UnitGone, "its provider does not run it any more"))
	}
	for _, found := range findings.Found {
		r.logger.Warn("a worker lives in a unit that counted as ended, or was not known", "pool", pool, "unit", found.ID)
		found.Pool = pool
		err = errors.Join(err, r.store.UnitFound(ctx, found))
	}
	var mending sync.WaitGroup
	failures := make(chan error, len(findings.Zombies)+len(findings.Doubles)+len(findings.Broken))
	for _, sort := range []struct {
		units []string
		what  string
		end   func(context.Context, string) error
	}{
		{findings.Zombies, "a unit runs without a worker that lives, and is stopped", provider.Stop},
		{findings.Doubles, "a unit runs for an order that another one runs for, and is stopped", provider.Stop},
		{findings.Broken, "a unit that failed is destroyed", provider.Destroy},
	} {
		for _, unit := range sort.units {
			r.logger.Warn(sort.what, "pool", pool, "unit", unit)
			mending.Go(func() { failures <- sort.end(ctx, unit) })
		}
	}
	mending.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	return err
}

// Exited is told by a provider on this host that a unit's process ended before or after its worker came up.
func (r *Reconciler) Exited(ctx context.Context, pool string, intent uuid.UUID, end error) {
	outcome, reason := jobs.UnitLeft, "it exited"
	if end != nil {
		outcome, reason = jobs.UnitDied, end.Error()
	}
	if err := r.store.UnitEnded(ctx, intent, outcome, reason); err != nil && ctx.Err() == nil {
		r.logger.Warn("the end of a unit was not noted; the next audit does it", "pool", pool, "error", err)
	}
	r.Wake(pool)
}
