package postgres_test

import (
	"context"
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
		WHERE application_name = 'freshet listener' AND datname = current_database()`); err != nil {
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
