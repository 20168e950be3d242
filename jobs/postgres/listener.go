package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"freshet/jobs"
	"freshet/migrations"
)

// Hints is what a Listener calls. A nil function is not listened for, or not called. All is called whenever hints may
// have been missed: after each connect, and every few seconds while none arrive.
type Hints struct {
	Task    func(uuid.UUID)
	Worker  func(uuid.UUID)
	Control func()
	Pools   func()            // a generation may be over
	Queue   func(pool string) // an attempt was queued
	Deliver func()            // there may be something to be delivered
	All     func()
	Lost    func() // after a session is lost
}

const (
	listenRetryMin = 100 * time.Millisecond
	listenRetryMax = 10 * time.Second
	// echoEvery is how often a silent session has to prove that it hears: a cut network says nothing.
	echoEvery     = 15 * time.Second
	listenTimeout = 5 * time.Second
	// holdPing is how often a session is asked whether it lives that holds a lock, and holdTimeout how
	// long the answer may take.
	holdPing    = time.Second
	holdTimeout = time.Second
	// deafPoll is how often All is called while nothing is heard.
	deafPoll = 5 * time.Second
)

// errDeaf: the session lives, but what others notify does not reach it, as behind a transaction pooler.
var errDeaf = errors.New("notifications do not arrive: LISTEN needs a direct connection, not a transaction pooler")

// Listener holds the one session of this process that hears hints. Whether it does is found out by an
// echo: a notification on a channel of its own, sent through the store's other connections.
type Listener struct {
	config  *pgx.ConnConfig // nil: there is no session to be had
	hints   Hints
	store   *Store
	channel string // of the echo
	worker  uuid.UUID
	hearing atomic.Bool
}

// ListenerName is the application_name of the session that listens for a Store of a name.
func ListenerName(store string) string { return store + " listener" }

// Listener makes a Listener on a direct database URL, which must lead to the store's own database; Run
// starts it. An empty one means that there is none, and that nothing will be heard.
func (s *Store) Listener(url string, hints Hints) (*Listener, error) {
	if url == "" {
		return &Listener{hints: hints, store: s}, nil
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL to listen on: %w", err)
	}
	config.RuntimeParams["application_name"] = ListenerName(s.name)
	return &Listener{config: config, hints: hints, store: s, channel: "freshet_echo_" + strings.ToLower(rand.Text())}, nil
}

// Hold has the session hold a worker's lock: as long as it does, the reaper sees that the process lives.
// It is to be called before Run.
func (l *Listener) Hold(worker uuid.UUID) { l.worker = worker }

// Hearing tells whether hints arrive. Without them everything works, but later.
func (l *Listener) Hearing() bool { return l.hearing.Load() }

// Run listens until ctx ends, and connects again, with backoff, whenever the session is lost or hears
// nothing; until then it calls All every few seconds. It never fails.
func (l *Listener) Run(ctx context.Context) error {
	var duties sync.WaitGroup
	duties.Go(func() { l.poll(ctx) })
	defer duties.Wait()
	if l.config == nil {
		return nil
	}
	retry := listenRetryMin
	for {
		heard, err := l.session(ctx)
		l.hearing.Store(false)
		if heard && l.hints.Lost != nil {
			l.hints.Lost()
		}
		if ctx.Err() != nil {
			return nil
		}
		level := slog.LevelDebug
		if heard || retry == listenRetryMin { // once until it is back
			level, retry = slog.LevelWarn, listenRetryMin
		}
		l.store.logger.Log(ctx, level, "listening was interrupted; hints come late until it is back", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(float64(retry) * (0.5 + mathrand.Float64()))): //nolint:gosec // no secret
		}
		retry = min(2*retry, listenRetryMax)
	}
}

// poll stands in for the hints while they do not arrive.
func (l *Listener) poll(ctx context.Context) {
	ticker := time.NewTicker(deafPoll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if !l.Hearing() {
				l.hints.All()
			}
		}
	}
}

// session listens on one connection until that is lost, or hears no echo; heard: it did hear one.
func (l *Listener) session(ctx context.Context) (heard bool, err error) {
	conn, err := l.connect(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenTimeout)
		defer cancel()
		_ = conn.Close(closing) // the session is over either way
	}()
	l.hints.All()
	for {
		if err := l.echo(ctx); err != nil {
			return heard, err
		}
		silence, err := l.hear(ctx, conn, listenTimeout)
		switch {
		case err != nil:
			return heard, err
		case silence:
			return heard, errDeaf
		}
		heard = true
		l.hearing.Store(true)
		if err := l.listen(ctx, conn); err != nil {
			return heard, err
		}
	}
}

// listen hears until it is time for another echo. A session that holds a lock is looked after all the
// while: whoever sees the lock gone takes the process for dead, and it has to know before.
func (l *Listener) listen(ctx context.Context, conn *pgx.Conn) error {
	pause := echoEvery
	if l.worker != uuid.Nil {
		pause = holdPing
	}
	for began := time.Now(); ; {
		silence, err := l.hear(ctx, conn, pause)
		switch {
		case err != nil:
			return err
		case silence && time.Since(began) >= echoEvery:
			return nil
		case silence:
			if err := ping(ctx, conn); err != nil {
				return err
			}
		}
	}
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, holdTimeout)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return fmt.Errorf("ping the listening session: %w", err)
	}
	return nil
}

// hear waits for one notification and passes it on, if it is a hint.
func (l *Listener) hear(ctx context.Context, conn *pgx.Conn, patience time.Duration) (silence bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	notification, err := conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		l.dispatch(notification)
		return false, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case pgconn.Timeout(err):
		return true, nil
	default:
		return false, fmt.Errorf("wait for a hint: %w", err)
	}
}

// echo notifies the session through another one.
func (l *Listener) echo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	if _, err := l.store.pool.Exec(ctx, sendSQL, []string{l.channel}, []string{""}); err != nil {
		return fmt.Errorf("echo to the listening session: %w", err)
	}
	return nil
}

func (l *Listener) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.config.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to listen: %w", err)
	}
	statements := []string{"LISTEN " + l.channel}
	if l.hints.Task != nil {
		statements = append(statements, "LISTEN "+taskChannel)
	}
	if l.hints.Worker != nil {
		statements = append(statements, "LISTEN "+workerChannel)
	}
	if l.hints.Control != nil {
		statements = append(statements, "LISTEN "+controlChannel)
	}
	if l.hints.Queue != nil {
		statements = append(statements, `LISTEN "`+riverInsertChannel+`"`)
	}
	if l.hints.Deliver != nil {
		statements = append(statements, "LISTEN "+deliveryChannel)
	}
	_, err = conn.Exec(ctx, strings.Join(statements, ";"))
	if err == nil {
		err = l.lock(ctx, conn)
	}
	if err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("listen: %w", err)
	}
	return conn, nil
}

// lock takes the lock that shows who lives: a worker's own, or else that of this program's schema, which a migration
// that contracts asks for. Both are shared, since the server may take a while to see that an earlier session is over.
func (l *Listener) lock(ctx context.Context, conn *pgx.Conn) (err error) {
	if l.worker == uuid.Nil {
		_, err = conn.Exec(ctx, `SELECT pg_advisory_lock_shared(hashtext('freshet schema'), $1)`, int32(migrations.Latest()))
	} else {
		_, err = conn.Exec(ctx, `SELECT pg_advisory_lock_shared(hashtextextended($1::text, 0))`, l.worker)
	}
	return err
}

// dispatch ignores what is no id: anyone who may connect may also notify.
func (l *Listener) dispatch(notification *pgconn.Notification) {
	tell := l.hints.Task
	switch notification.Channel {
	case l.channel:
		return // that it came is all it says
	case controlChannel:
		if notification.Payload == poolsChanged && l.hints.Pools != nil {
			l.hints.Pools()
		}
		l.hints.Control()
		return
	case riverInsertChannel:
		if pool, ok := queuedPool(notification.Payload); ok {
			l.hints.Queue(pool)
		}
		return
	case deliveryChannel:
		l.hints.Deliver()
		return
	case workerChannel:
		tell = l.hints.Worker
	}
	for text := range strings.SplitSeq(notification.Payload, ",") {
		if id, err := uuid.Parse(text); err == nil {
			tell(id)
		}
	}
}

// queuedPool reads the pool out of River's own hint.
func queuedPool(payload string) (pool string, ok bool) {
	var hint struct {
		Queue string `json:"queue"`
	}
	if json.Unmarshal([]byte(payload), &hint) != nil {
		return "", false
	}
	return strings.CutPrefix(hint.Queue, jobs.Queue(""))
}
