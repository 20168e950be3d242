package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/migrations"
)

// contract has the next version remove what this program needs, as far as the database knows.
func (b *bench) contract() {
	b.t.Helper()
	b.exec(fmt.Sprintf(`INSERT INTO freshet.schema_versions (version, oldest) VALUES (%d, %[1]d)`, migrations.Latest()+1))
}

func (b *bench) register() (uuid.UUID, error) {
	id := uuid.New()
	return id, b.RegisterWorker(context.WithoutCancel(b.t.Context()), jobs.Worker{ID: id, Pool: "default", Host: "here", PID: 1, Slots: 4, Kinds: []string{"work"}, Version: "test", Lease: lease})
}

func (b *bench) known(worker uuid.UUID) bool {
	b.t.Helper()
	var known bool
	b.scan(&known, fmt.Sprintf(`SELECT EXISTS (SELECT FROM freshet.workers WHERE id = '%s' AND schema = %d)`, worker, migrations.Latest()))
	return known
}

// TestProgramThatIsTooOld for the database neither opens it nor registers a worker.
func TestProgramThatIsTooOld(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if worker, err := b.register(); err != nil || !b.known(worker) {
		t.Fatalf("of this release: %v", err)
	}
	b.contract()
	store, err := postgres.Open(t.Context(), postgres.Options{URL: b.url, MaxConnections: 1, Name: t.Name(), Logger: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, postgres.ErrContracted) {
		t.Errorf("it was opened: %v", err)
		store.Close()
	}
	if worker, err := b.register(); !errors.Is(err, postgres.ErrContracted) || b.known(worker) {
		t.Errorf("it registered: %v", err)
	}
}

// TestRegistrationWaitsForAContraction that is under way, and then sees what it did.
func TestRegistrationWaitsForAContraction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	migrating, err := pgx.Connect(t.Context(), b.url)
	b.ok(err)
	defer migrating.Close(context.WithoutCancel(t.Context()))
	_, err = migrating.Exec(t.Context(), fmt.Sprintf(`BEGIN; SELECT freshet.contract(%d);
		INSERT INTO freshet.schema_versions (version, oldest) VALUES (%[1]d, %[1]d)`, migrations.Latest()+1))
	b.ok(err)
	done := make(chan error, 1)
	go func() {
		_, err := b.register()
		done <- err
	}()
	waits := false
	for look := time.Tick(5 * time.Millisecond); !waits; {
		b.scan(&waits, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-look:
		}
	}
	_, err = migrating.Exec(t.Context(), `COMMIT`)
	b.ok(err)
	if err := <-done; !errors.Is(err, postgres.ErrContracted) {
		t.Errorf("it registered: %v", err)
	}
}

// TestListeningAPIStandsInTheWay of a contraction, and a worker only by its row.
func TestListeningAPIStandsInTheWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, worker := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		heard := make(chan struct{}, 1)
		listener, err := b.Listener(b.url, postgres.Hints{All: func() {
			select {
			case heard <- struct{}{}:
			default:
			}
		}})
		b.ok(err)
		if worker {
			listener.Hold(uuid.New())
		}
		done := make(chan error, 1)
		go func() { done <- listener.Run(ctx) }()
		<-heard // it is connected
		for schema, want := range map[uint]bool{migrations.Latest(): false, migrations.Latest() + 1: !worker} {
			if _, err := b.Pool().Exec(t.Context(), `SELECT freshet.contract($1)`, int(schema)); (err != nil) != want {
				t.Errorf("worker %v, in the way of what needs %d: %v", worker, schema, err)
			}
		}
		cancel()
		b.ok(<-done)
	}
}
