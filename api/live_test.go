package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/api"
	"freshet/cmd/cmdtest"
	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/postgres"
	"freshet/jobs/realtime"
)

// listen runs a hub with hints from the database, until the test ends. It returns when they arrive: what
// was opened before would take the first connect for a loss.
func (r *rig) listen(hub *realtime.Hub) {
	r.t.Helper()
	listener, err := r.store.Listener(r.url(), postgres.Hints{Task: hub.Wake, All: hub.WakeAll})
	r.ok(err)
	r.run(listener.Run, hub.Run)
	r.until("hints arrive", listener.Hearing)
}

// run runs duties until the test ends.
func (r *rig) run(duties ...func(context.Context) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var group sync.WaitGroup
	for _, duty := range duties {
		group.Go(func() { _ = duty(ctx) })
	}
	r.t.Cleanup(func() { stop(); group.Wait() })
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

// replica is an API server on the rig's database, as freshet api has it, that closes its streams again
// and again.
func (r *rig) replica(life time.Duration) *httptest.Server {
	r.t.Helper()
	store, err := postgres.Open(r.t.Context(), postgres.Options{URL: r.url(), MaxConnections: 16, Name: "freshet api", Logger: discard()})
	r.ok(err)
	r.t.Cleanup(store.Close)
	hub := realtime.New(api.NewFeed(store, publicURL), discard())
	server, err := api.New(r.t.Context(), api.Config{
		Store: store, Hub: hub, Secrets: box(), Limits: api.Limits{Stream: life, Streams: 1 << 20, TasksPerSecond: -1},
		Logger: slog.New(slog.NewTextHandler(r.t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	})
	r.ok(err)
	controller := control.New(store, discard())
	listener, err := store.Listener(r.url(), postgres.Hints{
		Task: hub.Wake, Control: controller.Wake, All: func() { hub.WakeAll(); controller.Wake() },
	})
	r.ok(err)
	r.run(listener.Run, hub.Run, controller.Run, server.Run)
	return r.serve(server)
}

const (
	liveTasks  = 200
	liveRounds = 10
	livePiece  = 5 // events, and lines, of a round
	streamLife = 2 * time.Second
	cutEvery   = 5 * time.Second
	liveLimit  = 4 * time.Minute
)

// liveConfig is a kind that says something now and then, and workers with ten slots.
const liveConfig = `
kinds:
  - name: chatty
    command:
      - sh
      - -c
      - |
        n=0
        while [ $n -lt 50 ]; do
          lines= events=
          for i in 1 2 3 4 5; do
            n=$((n+1))
            lines="${lines}line $n\n"
            events="$events{\"event\":\"step\",\"data\":$n}\n"
          done
          printf "$lines"
          printf "$events" >> $FRESHET_EVENTS
          sleep 0.25
        done
pools:
  default: {provider: none, slots: 10}
`

// TestStreamsSurviveEverything has three worker processes work 200 tasks, and readers on two replicas,
// with and without output, while the replicas close their streams every two seconds and every session
// with the database is ended every five: those that listen, those of the API and those of the workers.
// Each reader sees everything once, in order, and each task completes.
func TestStreamsSurviveEverything(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 3 {
		r.startWorker(liveConfig)
	}
	replicas := []*httptest.Server{r.replica(streamLife), r.replica(streamLife)}
	ctx, cancel := context.WithTimeout(t.Context(), liveLimit)
	defer cancel()
	var readers []*reader
	var following sync.WaitGroup
	items := strings.TrimSuffix(strings.Repeat(`{"kind":"chatty"},`, liveTasks), ",")
	for _, task := range decode[struct{ Items []taskDocument }](r.call(ada, http.MethodPost, "/v1/tasks/batch", `{"tasks":[`+items+`]}`)).Items {
		for _, replica := range replicas {
			for _, query := range []string{"include=logs", ""} {
				reader := &reader{base: replica.URL, key: ada, task: task.ID, query: query, patient: true}
				readers = append(readers, reader)
				following.Go(func() {
					if err := reader.follow(ctx); err != nil {
						t.Errorf("task %s: %v", task.ID, err)
					}
				})
			}
		}
	}
	ending := make(chan struct{})
	var chaos sync.WaitGroup
	ended := 0
	chaos.Go(func() { ended = r.endSessions(ending) })
	began := time.Now()
	following.Wait()
	close(ending)
	chaos.Wait()
	if t.Failed() {
		return
	}
	back, refused := 0, 0
	for _, reader := range readers {
		back, refused = back+reader.connects-1, refused+reader.refused
		r.checkLive(reader)
	}
	t.Logf("%d readers came back %d times and were refused %d times, %d sessions were ended, in %s",
		len(readers), back, refused, ended, time.Since(began).Round(time.Second))
	if back < len(readers)/2 || ended < 50 {
		t.Error("hardly a stream was cut: this tested too little")
	}
}

// checkLive compares what a reader was told with what the database has.
func (r *rig) checkLive(reader *reader) {
	r.t.Helper()
	ctx, id := r.t.Context(), parse(reader.task)
	task, err := r.store.Head(ctx, id)
	r.ok(err)
	events, err := r.store.Events(ctx, id, 0, 1000)
	r.ok(err)
	var was []int64
	logs := reader.query != ""
	if logs {
		for seq := range task.Seq {
			was = append(was, seq+1)
		}
	} else {
		for _, event := range events {
			was = append(was, event.Seq)
		}
	}
	if err := compare(reader.ids(), was); err != nil {
		r.t.Errorf("task %s, %q: %v", reader.task, reader.query, err)
	}
	steps, text := reader.heard()
	if task.State != jobs.Completed || task.Attempt != 1 {
		r.t.Errorf("task %s is %s after %d attempts", reader.task, task.State, task.Attempt)
	} else if steps != liveRounds*livePiece || logs && text != liveText() {
		r.t.Errorf("task %s: %d steps and the output %q", reader.task, steps, text)
	}
}

// heard is what a reader was told: how many steps, in order, and what output.
func (r *reader) heard() (steps int, text string) {
	for _, frame := range r.frames {
		var event struct {
			Type string
			Data struct {
				Data int
				Text string
			}
		}
		_ = json.Unmarshal(frame.data, &event)
		switch event.Type {
		case "task.custom":
			if steps++; event.Data.Data != steps {
				return -1, text
			}
		case "task.log":
			text += event.Data.Text
		}
	}
	return steps, text
}

func liveText() string {
	var text strings.Builder
	for n := range liveRounds * livePiece {
		fmt.Fprintf(&text, "line %d\n", n+1)
	}
	return text.String()
}

// endSessions ends all sessions with the database, again and again, and returns how many that were.
func (r *rig) endSessions(ending <-chan struct{}) (ended int) {
	conn, err := pgx.Connect(r.t.Context(), r.url())
	if err != nil {
		r.t.Error(err)
		return 0
	}
	defer conn.Close(context.WithoutCancel(r.t.Context()))
	ticker := time.NewTicker(cutEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ending:
			return ended
		case <-ticker.C:
			var now int
			err := conn.QueryRow(r.t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&now)
			if ended += now; err != nil {
				r.t.Error(err)
			}
		}
	}
}

// startWorker makes the kinds of a configuration known, and starts a worker process for them.
func (r *rig) startWorker(text string) {
	r.t.Helper()
	folder := r.t.TempDir()
	path := filepath.Join(folder, "freshet.yaml")
	r.ok(os.WriteFile(path, []byte(text), 0o600))
	settings, err := config.Load(path)
	r.ok(err)
	r.ok(r.store.SyncKinds(r.t.Context(), settings.Kinds))
	r.ok(r.server.Reload(r.t.Context()))
	worker := role(context.WithoutCancel(r.t.Context()), cmdtest.Variable, "1", "worker", "--config", path, "--workspaces", filepath.Join(folder, "workspaces"), "--drain", "5s", "--allow-root-children")
	worker.Env = append(worker.Env, "DATABASE_URL="+r.url())
	log, err := os.Create(filepath.Join(folder, "log"))
	r.ok(err)
	worker.Stdout, worker.Stderr = log, log
	r.ok(worker.Start())
	r.t.Cleanup(func() {
		_ = worker.Process.Signal(syscall.SIGTERM)
		err := worker.Wait()
		log.Close()
		if said, _ := os.ReadFile(log.Name()); err != nil || r.t.Failed() {
			r.t.Logf("worker: %v\n%s", err, said)
		}
	})
}

func (r *rig) url() string { return r.store.Pool().Config().ConnString() }

// late receives when a test has waited long enough.
func (r *rig) late() <-chan time.Time { return time.After(patience) }
