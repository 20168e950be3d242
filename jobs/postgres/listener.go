package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Hints is what a Listener calls. A nil function is not listened for. All is called whenever hints may
// have been missed: after each connect.
type Hints struct {
	Task    func(uuid.UUID)
	Worker  func(uuid.UUID)
	Control func()
	All     func()
}

const (
	listenRetryMin = 100 * time.Millisecond
	listenRetryMax = 10 * time.Second
	// listenPing is how often a silent session is asked whether it lives: a cut network says nothing.
	listenPing    = 15 * time.Second
	listenTimeout = 5 * time.Second
)

// Listener holds the one session of this process that hears hints. It needs a real session, not a
// transaction pooler.
type Listener struct {
	config *pgx.ConnConfig
	hints  Hints
	logger *slog.Logger
}

// NewListener makes a Listener on a direct database URL; Run starts it.
func NewListener(url string, hints Hints, logger *slog.Logger) (*Listener, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL to listen on: %w", err)
	}
	config.RuntimeParams["application_name"] = "freshet listener"
	return &Listener{config: config, hints: hints, logger: logger}, nil
}

// Run listens until ctx ends, and connects again, with backoff, whenever the session is lost. It
// never fails.
func (l *Listener) Run(ctx context.Context) error {
	retry := listenRetryMin
	for {
		connected, err := l.session(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is no failure
		}
		if connected {
			retry = listenRetryMin
		}
		l.logger.Warn("listening was interrupted; hints come late until it is back", "error", err, "retry", retry)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(float64(retry) * (0.5 + rand.Float64()))): //nolint:gosec // no secret
		}
		retry = min(2*retry, listenRetryMax)
	}
}

func (l *Listener) session(ctx context.Context) (connected bool, err error) {
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
		waiting, cancel := context.WithTimeout(ctx, listenPing)
		notification, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			l.dispatch(notification)
		case ctx.Err() != nil:
			return true, context.Cause(ctx)
		case pgconn.Timeout(err):
			if err := l.ping(ctx, conn); err != nil {
				return true, err
			}
		default:
			return true, fmt.Errorf("wait for a hint: %w", err)
		}
	}
}

func (l *Listener) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.config.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to listen: %w", err)
	}
	var statements []string
	if l.hints.Task != nil {
		statements = append(statements, "LISTEN "+taskChannel)
	}
	if l.hints.Worker != nil {
		statements = append(statements, "LISTEN "+workerChannel)
	}
	if l.hints.Control != nil {
		statements = append(statements, "LISTEN "+controlChannel)
	}
	if _, err := conn.Exec(ctx, strings.Join(statements, ";")); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("listen: %w", err)
	}
	return conn, nil
}

func (l *Listener) ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return fmt.Errorf("ping the listening session: %w", err)
	}
	return nil
}

// dispatch ignores what is no id: anyone who may connect may also notify.
func (l *Listener) dispatch(notification *pgconn.Notification) {
	tell := l.hints.Task
	switch notification.Channel {
	case controlChannel:
		l.hints.Control()
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
