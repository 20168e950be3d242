package api_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs/postgres"
	"freshet/jobs/realtime"
)

// listen runs a hub with hints from the database, until the test ends.
func (r *rig) listen(hub *realtime.Hub) {
	r.t.Helper()
	listener, err := r.store.Listener(r.store.Pool().Config().ConnString(), postgres.Hints{Task: hub.Wake, All: hub.WakeAll})
	r.ok(err)
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var duties sync.WaitGroup
	duties.Go(func() { _ = listener.Run(ctx) })
	duties.Go(func() { _ = hub.Run(ctx) })
	r.t.Cleanup(func() { stop(); duties.Wait() })
}

// until looks until a condition holds.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	late := time.After(patience)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-late:
			r.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// replica is another API server on the same database, which closes its streams all the time.
func (r *rig) replica() *httptest.Server {
	r.t.Helper()
	hub := realtime.New(api.NewFeed(r.store, publicURL), discard())
	server, err := api.New(r.t.Context(), api.Config{
		Store: r.store, Hub: hub, Secrets: box(), Logger: discard(),
		Limits: api.Limits{Stream: 300 * time.Millisecond, Streams: 1 << 20},
	})
	r.ok(err)
	r.listen(hub)
	return r.serve(server)
}

const (
	liveTasks  = 24
	liveEvents = 50
)

// TestStreamsSurviveEverything has readers on two replicas, with and without logs, while the replicas
// close their streams and the database loses its sessions over and over. Each reader sees everything
// once, in order.
func TestStreamsSurviveEverything(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	replicas := []*httptest.Server{r.replica(), r.replica()}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var readers []*reader
	var following, working sync.WaitGroup
	for range liveTasks {
		task := r.submit(`{"kind":"report","input":{"n":1}}`).ID
		for _, replica := range replicas {
			for _, query := range []string{"include=logs", ""} {
				reader := &reader{base: replica.URL, key: ada, task: task, query: query}
				readers = append(readers, reader)
				following.Go(func() {
					if err := reader.follow(ctx); err != nil {
						t.Error(err)
					}
				})
			}
		}
		working.Go(func() { r.work(task) })
	}
	ending := make(chan struct{})
	var chaos sync.WaitGroup
	chaos.Go(func() { r.loseSessions(ending) })
	working.Wait()
	following.Wait()
	close(ending)
	chaos.Wait()
	reconnects := 0
	for _, reader := range readers {
		reconnects += reader.connects - 1
		ids := reader.ids()
		switch {
		case reader.query != "" && (!dense(ids) || len(ids) != liveEvents+3):
			t.Errorf("a reader of everything saw %v", ids)
		case reader.query == "" && len(ids) != liveEvents/2+3:
			t.Errorf("a reader of events saw %d: %v", len(ids), ids)
		}
		for i := 1; i < len(ids); i++ {
			if ids[i] <= ids[i-1] {
				t.Errorf("out of order: %v", ids)
				break
			}
		}
	}
	t.Logf("%d readers came back %d times", len(readers), reconnects)
	if reconnects < len(readers) {
		t.Error("hardly a stream was cut: this tested too little")
	}
}

// work runs a task: half of its records are output.
func (r *rig) work(task string) {
	claim := r.claim(task)
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for from := int64(0); from < liveEvents; from += 2 {
		<-pause.C
		r.flush(claim, from, record(fmt.Sprintf("line %d\n", from)), custom(int(from)))
	}
	r.complete(claim, `{"pages":3}`)
}

// loseSessions ends the sessions that listen, again and again: hints get lost.
func (r *rig) loseSessions(ending <-chan struct{}) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ending:
			return
		case <-ticker.C:
			_, err := r.store.Pool().Exec(context.WithoutCancel(r.t.Context()), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = 'freshet listener' AND datname = current_database()`)
			if err != nil {
				r.t.Error(err)
			}
		}
	}
}

// late receives when a test has waited long enough.
func (r *rig) late() <-chan time.Time { return time.After(patience) }
