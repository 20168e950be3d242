package postgres

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"freshet/jobs"
)

// The channels on which hints travel. Payloads are ids only; whoever cares reads the rows.
const (
	taskChannel     = "freshet_task"     // task ids, comma-separated: something happened to them
	workerChannel   = "freshet_worker"   // worker ids: a cancel is requested of one of their attempts
	controlChannel  = "freshet_control"  // empty: something is held, or may be admitted; or that pools have changed
	deliveryChannel = "freshet_delivery" // empty: somebody is to be told of something
)

// poolsChanged is the payload of a control hint that is also one for workers: their generation may be over.
const poolsChanged = "pools"

const (
	// notifyPause follows a round, for each id or queue that it told of, up to notifyPauseMax: a single
	// hint hardly delays the next one, and a flood of them becomes few rounds.
	notifyPause    = time.Millisecond
	notifyPauseMax = 5 * time.Millisecond
	// notifyIDs is how many ids fit into a payload, which must stay under 8,000 bytes.
	notifyIDs = 200
	// notifyTimeout bounds one round of hints: late ones are worth nothing.
	notifyTimeout = 5 * time.Second
)

// sendSQL sends hints without waiting for the disk: a hint that a crash loses was worth nothing.
const sendSQL = `SELECT set_config('synchronous_commit', 'off', true), pg_notify(c, p)
	FROM unnest($1::text[], $2::text[]) AS n(c, p)`

// Notifier tells other processes, after a commit, that there is something to look at. It collects
// what comes while a round is under way, and sends in a transaction of its own.
type Notifier struct {
	pool   *pgxpool.Pool
	logger *slog.Logger
	wake   chan struct{}
	stop   chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	tasks   map[uuid.UUID]struct{}
	workers map[uuid.UUID]struct{}
	queues  map[string]struct{}
	admit   bool
	pools   bool
	deliver bool
}

func newNotifier(pool *pgxpool.Pool, logger *slog.Logger) *Notifier {
	n := &Notifier{
		pool: pool, logger: logger,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	n.reset()
	go n.loop()
	return n
}

// Ring has the workers of a pool look for attempts at once.
func (s *Store) Ring(pool string) { s.notifier.queue(pool) }

func (n *Notifier) reset() {
	n.tasks = map[uuid.UUID]struct{}{}
	n.workers = map[uuid.UUID]struct{}{}
	n.queues = map[string]struct{}{}
	n.admit, n.pools, n.deliver = false, false, false
}

func (n *Notifier) task(id uuid.UUID)   { n.note(func() { n.tasks[id] = struct{}{} }) }
func (n *Notifier) worker(id uuid.UUID) { n.note(func() { n.workers[id] = struct{}{} }) }
func (n *Notifier) queue(pool string)   { n.note(func() { n.queues[jobs.Queue(pool)] = struct{}{} }) }
func (n *Notifier) control()            { n.note(func() { n.admit = true }) }
func (n *Notifier) generation()         { n.note(func() { n.pools = true }) }
func (n *Notifier) delivery()           { n.note(func() { n.deliver = true }) }

func (n *Notifier) note(add func()) {
	n.mu.Lock()
	add()
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// close sends what is left and waits for the end.
func (n *Notifier) close() {
	close(n.stop)
	<-n.done
}

func (n *Notifier) loop() {
	defer close(n.done)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-n.wake:
		case <-n.stop:
			n.send()
			return
		}
		select {
		case <-pause.C:
		case <-n.stop:
		}
		pause.Reset(min(time.Duration(n.send())*notifyPause, notifyPauseMax))
	}
}

// send tells how many ids and queues it told of.
func (n *Notifier) send() int {
	channels, payloads, told := n.take()
	if told == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), notifyTimeout)
	defer cancel()
	_, err := n.pool.Exec(ctx, sendSQL, channels, payloads)
	if err != nil {
		n.logger.Warn("hints were not sent; readers find out by themselves, later", "error", err)
	}
	return told
}

// take empties the collection into one notification per channel and payload.
func (n *Notifier) take() (channels, payloads []string, told int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	told = len(n.queues) + len(n.workers) + len(n.tasks)
	add := func(channel, payload string) {
		channels, payloads = append(channels, channel), append(payloads, payload)
	}
	for queue := range n.queues {
		hint, _ := json.Marshal(map[string]string{"queue": queue}) //nolint:errchkjson // a map of strings is always JSON
		add(riverInsertChannel, string(hint))
	}
	for _, payload := range joinIDs(n.workers) {
		add(workerChannel, payload)
	}
	for _, payload := range joinIDs(n.tasks) {
		add(taskChannel, payload)
	}
	switch {
	case n.pools:
		add(controlChannel, poolsChanged)
		told++
	case n.admit:
		add(controlChannel, "")
		told++
	}
	if n.deliver {
		add(deliveryChannel, "")
		told++
	}
	n.reset()
	return channels, payloads, told
}

func joinIDs(ids map[uuid.UUID]struct{}) []string {
	var payloads []string
	texts := make([]string, 0, notifyIDs)
	for id := range ids {
		if texts = append(texts, id.String()); len(texts) == notifyIDs {
			payloads, texts = append(payloads, strings.Join(texts, ",")), texts[:0]
		}
	}
	if len(texts) > 0 {
		payloads = append(payloads, strings.Join(texts, ","))
	}
	return payloads
}
