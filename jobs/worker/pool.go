package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
	"freshet/jobs/runner"
	"freshet/jobs/tracing"
)

// Runner runs one attempt to its end, as *runner.Host does.
type Runner interface {
	// Run answers how the attempt ended. When its context ends, the cause, one of the runner's, says
	// why; it then stops what it runs and still answers. An error means that the attempt is no longer
	// this worker's, and that there is nothing to record.
	Run(ctx context.Context, claim jobs.Claim, k *kind.Kind) (jobs.Ending, error)
	// Renew lets what runs go on for so long without word from the worker, and no longer.
	Renew(time.Duration)
}

// Config of a Pool. All fields but Hurry, Ready, IdleTimeout, Retire, Metrics and Tracer are needed.
type Config struct {
	Store         *postgres.Store
	Heart         *postgres.Store // for the beats alone, so that no queue for a connection delays one
	Runner        Runner
	Worker        jobs.Worker     // ID, pool, slots, kinds and lease; the rest is for people
	Beat          time.Duration   // the longest between two beats; a short lease makes it shorter
	Hearing       func() bool     // whether the worker's session holds its lock
	Drain         time.Duration   // what runs may take to finish when the worker is told to leave
	Hurry         <-chan struct{} // once closed, a worker that was told to leave interrupts what runs
	Ready         func()          // called once when the worker pulls; nil: nobody wants to know
	IdleTimeout   time.Duration   // without work, after which it leaves; zero: it stays
	Retire        <-chan struct{} // once closed, the worker fetches no more, and leaves when what runs has finished
	FetchCooldown time.Duration   // the least time between two fetches from River
	PollOnly      bool            // the database has no sessions: River cannot LISTEN
	Logger        *slog.Logger
	Metrics       *metrics.Worker // nil: nothing is counted
	Tracer        *tracing.Tracer // nil: no spans are made
}

// Pool is a worker: it pulls attempts of one pool and runs as many at once as it has slots.
type Pool struct {
	Config

	kinds catalogue
	look  chan struct{} // asks for a look at requested cancels
	pulse chan struct{} // asks for a beat
	dead  chan struct{} // closed when the worker may not speak for its attempts any more
	gone  chan struct{} // closed when it is to leave: it is idle, or its generation is over
	idle  idleness

	goOnce sync.Once

	mu          sync.Mutex
	inHand      map[int64]struct{}                    // River jobs that are being claimed, run or ended
	running     map[uuid.UUID]context.CancelCauseFunc // by task: at most one attempt of a task runs
	leaving     bool                                  // claims no more
	interrupted bool                                  // the drain time is up
}

// beatsPerLease is how many beats a lease takes at least, so that a few may fail.
const beatsPerLease = 6

// New makes a Pool; Run starts it.
func New(config Config) *Pool {
	config.Beat = min(config.Beat, config.Worker.Lease/beatsPerLease)
	return &Pool{
		Config:  config,
		kinds:   catalogue{store: config.Store, compiled: map[revision]*kind.Kind{}},
		inHand:  map[int64]struct{}{},
		running: map[uuid.UUID]context.CancelCauseFunc{},
		look:    make(chan struct{}, 1),
		pulse:   make(chan struct{}, 1),
		dead:    make(chan struct{}),
		gone:    make(chan struct{}),
	}
}

// CancelRequested has the Pool look for requested cancels at once. It never blocks.
func (p *Pool) CancelRequested() {
	select {
	case p.look <- struct{}{}:
	default:
	}
}

// Run registers the worker and pulls until ctx ends, Retire is closed, or it is to leave by itself; then it drains and leaves. The
// error is ErrDead when the worker counts as dead, or could not beat for most of its lease: what it ran
// is killed then, and it is to be started anew.
func (p *Pool) Run(ctx context.Context) error {
	client, err := p.riverClient()
	if err != nil {
		return fmt.Errorf("make the River client: %w", err)
	}
	registered := time.Now()
	if err := p.Store.RegisterWorker(ctx, p.Worker); err != nil {
		return err
	}
	defer p.unregister(ctx)
	p.renew(registered)

	background, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	var duties sync.WaitGroup
	defer duties.Wait()
	defer stop(runner.ErrInterrupted)
	duties.Go(func() { p.beatAll(background, registered) })
	duties.Go(func() { p.watchCancels(background) })

	p.idle.since = time.Now() // before anything can run
	if err := client.Start(background); err != nil {
		return fmt.Errorf("start the River client: %w", err)
	}
	duties.Go(func() { p.lookAgain(background) })
	if p.IdleTimeout > 0 {
		duties.Go(func() { p.watchIdleness(background) })
	}
	if p.Ready != nil {
		p.Ready()
	}
	p.Logger.Info("worker is ready", "worker", p.Worker.ID, "pool", p.Worker.Pool, "slots", p.Worker.Slots)
	select {
	case <-ctx.Done():
	case <-p.Retire:
	case <-p.gone:
	case <-p.dead:
	}
	return p.drain(ctx, client)
}

// lookAfter is how long after its start a worker looks once more for attempts.
const lookAfter = 200 * time.Millisecond

// lookAgain rings for the worker itself: what was queued after River's first fetch, and before it
// listened, would else be found by the next poll, and a worker that takes another's place is waited for.
func (p *Pool) lookAgain(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(lookAfter):
		p.Store.Ring(p.Worker.Pool)
	}
}

func (p *Pool) riverClient() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &attemptWorker{pool: p})
	return river.NewClient(riverpgxv5.New(p.Store.Pool()), &river.Config{
		ID:                     p.Worker.ID.String(),
		Schema:                 postgres.RiverSchema,
		Queues:                 map[string]river.QueueConfig{jobs.Queue(p.Worker.Pool): {MaxWorkers: p.Worker.Slots}},
		Workers:                workers,
		FetchCooldown:          p.FetchCooldown,
		FetchPollInterval:      time.Second,
		JobTimeout:             -1,
		LeaderElectionDisabled: true,
		PollOnly:               p.PollOnly,
		SkipUnknownJobCheck:    true,
		Logger:                 quiet(p.Logger),
	})
}

// drain fetches no more and waits for what runs; what is left when ctx has ended for the drain time is
// interrupted.
func (p *Pool) drain(ctx context.Context, client *river.Client[pgx.Tx]) error {
	p.mu.Lock()
	running := len(p.running)
	p.leaving = true
	p.mu.Unlock()
	p.Logger.Info("worker is leaving", "worker", p.Worker.ID, "running", running)
	drained := make(chan struct{})
	var patience sync.WaitGroup
	defer patience.Wait()
	defer close(drained)
	patience.Go(func() { p.losePatience(ctx, drained) })
	if err := client.Stop(context.Background()); err != nil {
		return fmt.Errorf("stop the River client: %w", err)
	}
	select {
	case <-p.dead:
		return ErrDead
	default:
		return nil
	}
}

// losePatience waits for the drain time, once ctx has ended, or for Hurry, and then interrupts what runs.
func (p *Pool) losePatience(ctx context.Context, drained <-chan struct{}) {
	select {
	case <-drained:
		return
	case <-ctx.Done():
	}
	select {
	case <-drained:
		return
	case <-time.After(p.Drain):
	case <-p.Hurry:
	}
	p.interrupt()
}

func (p *Pool) interrupt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.interrupted = true
	for _, stop := range p.running {
		stop(runner.ErrInterrupted)
	}
}

// unregister tells that the worker has left; if that cannot be told, its lease runs out.
func (p *Pool) unregister(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.Beat)
	defer cancel()
	if err := p.Store.RemoveWorker(ctx, p.Worker.ID); err != nil {
		p.Logger.Warn("worker could not say that it leaves", "worker", p.Worker.ID, "error", err)
	}
}

const cancelLook = time.Second

// watchCancels looks for requested cancels when it is told to, and once a second while anything runs.
func (p *Pool) watchCancels(ctx context.Context) {
	ticker := time.NewTicker(cancelLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.look:
		case <-ticker.C:
		}
		p.mu.Lock()
		running := len(p.running)
		p.mu.Unlock()
		if running == 0 {
			continue
		}
		tasks, err := p.Store.CancelsRequested(ctx, p.Worker.ID)
		if err != nil && ctx.Err() == nil {
			p.Logger.Warn("worker could not look for cancels", "worker", p.Worker.ID, "error", err)
		}
		p.cancel(tasks)
	}
}

func (p *Pool) cancel(tasks []uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, task := range tasks {
		if stop, runs := p.running[task]; runs {
			stop(runner.ErrCancelled)
		}
	}
}

// quiet keeps River's chatter out of the log; its warnings matter.
func quiet(logger *slog.Logger) *slog.Logger {
	return slog.New(&warnings{logger.Handler()})
}

type warnings struct{ slog.Handler }

func (h *warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}
