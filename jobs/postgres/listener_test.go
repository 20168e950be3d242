package postgres_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
)

const patience = 30 * time.Second

// listen runs a listener until the test ends. alls counts the calls of All, tasks are the hints.
func listen(t *testing.T, store *bench, url string) (listener *postgres.Listener, alls <-chan struct{}, tasks <-chan uuid.UUID) {
	t.Helper()
	called, told := make(chan struct{}, 1000), make(chan uuid.UUID, 1000)
	listener, err := store.Listener(url, postgres.Hints{
		Task: func(id uuid.UUID) { told <- id }, All: func() { called <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- listener.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener, called, told
}

func hears(t *testing.T, listener *postgres.Listener) {
	t.Helper()
	for late := time.After(patience); !listener.Hearing(); {
		select {
		case <-late:
			t.Fatal("the listener hears nothing")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestListenerHearsAndFindsItsWayBack(t *testing.T) {
	t.Parallel()
	store := newBench(t)
	listener, alls, tasks := listen(t, store, store.url)
	hears(t, listener)
	<-alls
	task := uuid.New()
	if _, err := store.Pool().Exec(t.Context(), `SELECT pg_notify('freshet_task', $1)`, task.String()); err != nil {
		t.Fatal(err)
	}
	if told := <-tasks; told != task {
		t.Errorf("told of %s, want %s", told, task)
	}
	if _, err := store.Pool().Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name LIKE '% listener' AND datname = current_database()`); err != nil {
		t.Fatal(err)
	}
	<-alls // after it came back
	hears(t, listener)
}

// A session that never gets a notification looks healthy from within: so does LISTEN through a
// transaction pooler. Here it listens in another database than the one that notifies.
func TestListenerKnowsThatItIsDeaf(t *testing.T) {
	t.Parallel()
	store := newBench(t)
	listener, alls, _ := listen(t, store, postgrestest.New(t))
	for range 3 { // the first is that of the connect
		select {
		case <-alls:
		case <-time.After(patience):
			t.Fatal("nothing stands in for the hints")
		}
		if listener.Hearing() {
			t.Fatal("it says that it hears")
		}
	}
}

// mute is a way to the database that can end a session there without a word to whoever has it.
type mute struct {
	address string

	mu   sync.Mutex
	ends []net.Conn // at the database
	all  []net.Conn
}

func newMute(t *testing.T, database string) *mute {
	t.Helper()
	socket, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	behind, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	m, server := &mute{}, behind.Host
	var ways sync.WaitGroup
	ways.Go(func() {
		for {
			client, err := socket.Accept()
			if err != nil {
				return
			}
			end, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			m.mu.Lock()
			m.ends, m.all = append(m.ends, end), append(m.all, end, client)
			m.mu.Unlock()
			ways.Go(func() { _, _ = io.Copy(client, end) })
			ways.Go(func() {
				_, _ = io.Copy(end, client)
				_, _ = io.Copy(io.Discard, client)
			})
		}
	})
	t.Cleanup(func() {
		_ = socket.Close()
		m.mu.Lock()
		for _, conn := range m.all {
			_ = conn.Close()
		}
		m.mu.Unlock()
		ways.Wait()
	})
	behind.Host = socket.Addr().String()
	m.address = behind.String()
	return m
}

// end ends all sessions at the database. The clients are told nothing.
func (m *mute) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, end := range m.ends {
		_ = end.Close()
	}
	m.ends = nil
}

// Whoever sees the lock gone takes the worker for dead two seconds later.
func TestListenerThatHoldsALockKnowsSoonThatItIsGone(t *testing.T) {
	t.Parallel()
	store := newBench(t)
	way := newMute(t, store.url)
	lost := make(chan struct{}, 1)
	listener, err := store.Listener(way.address, postgres.Hints{All: func() {}, Lost: func() { lost <- struct{}{} }})
	store.ok(err)
	worker := store.worker("work")
	listener.Hold(worker)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- listener.Run(ctx) }()
	t.Cleanup(func() { stop(); store.ok(<-done) })
	hears(t, listener)
	if vitals, err := store.Vitals(t.Context()); err != nil || !vitals[0].Locked {
		t.Fatalf("vitals %+v, %v", vitals, err)
	}
	way.end()
	ended := time.Now()
	select {
	case <-lost:
		if took := time.Since(ended); took > 4*time.Second {
			t.Errorf("it knew after %s", took)
		}
	case <-time.After(patience):
		t.Fatal("it never knew")
	}
	hears(t, listener)
}
