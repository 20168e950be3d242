package client_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/cmd/client"
	"freshet/jobs"
	"freshet/jobs/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

const taskID = "0198a000-0000-7000-8000-000000000001"

// stage is a server with one task, whose life the test writes.
type stage struct {
	t *testing.T

	mu      sync.Mutex
	state   jobs.State
	entries []client.Event
	changed chan struct{} // closed at the next change
	served  map[string]int
	resumes []string // the Last-Event-ID of each stream
	refuse  int      // status of every answer; zero: as usual
	breaks  int      // a stream breaks off after so many entries; zero: never
	again   bool     // a stream that is resumed begins from the start
	mute    int      // so many more streams say nothing
	endless bool     // a stream never ends a line
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return &stage{t: t, state: jobs.Running, changed: make(chan struct{}), served: map[string]int{}}
}

// happen adds entries to the task.
func (s *stage) happen(types ...jobs.EventType) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range types {
		entry := client.Event{Type: kind, TaskID: taskID, Seq: int64(len(s.entries) + 1), Attempt: 1}
		if kind == jobs.TaskLog {
			entry.Data = json.RawMessage(`{"stream":"stdout","text":"line ` + strconv.FormatInt(entry.Seq, 10) + `\n"}`)
		}
		s.entries = append(s.entries, entry)
		if kind == jobs.TaskCompleted {
			s.state = jobs.Completed
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// refuseAll makes every answer one with this status.
func (s *stage) refuseAll(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = status
	close(s.changed)
	s.changed = make(chan struct{})
}

// requests counts what was asked of a resource.
func (s *stage) requests(resource string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[resource]
}

// listen serves the stage at an address; the empty one is a free port.
func (s *stage) listen(address string) *httptest.Server {
	s.t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	var settings net.ListenConfig
	socket, err := settings.Listen(s.t.Context(), "tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tasks/{id}", s.serveTask)
	mux.HandleFunc("GET /v1/tasks/{id}/stream", s.serveStream)
	server := &httptest.Server{Listener: socket, Config: &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}}
	server.Start()
	s.t.Cleanup(server.Close)
	return server
}

// client is one for a server of the stage.
func (s *stage) client(server *httptest.Server) *client.Client {
	s.t.Helper()
	c, err := client.New(server.URL, "key")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// admit counts a request, and tells whether it is answered as usual.
func (s *stage) admit(w http.ResponseWriter, resource string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served[resource]++
	if s.refuse != 0 {
		w.WriteHeader(s.refuse)
	}
	return s.refuse == 0
}

func (s *stage) serveTask(w http.ResponseWriter, _ *http.Request) {
	if !s.admit(w, "task") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(s.task())
}

// task is the task as it is. The caller holds the lock.
func (s *stage) task() client.Task {
	return client.Task{ID: taskID, State: s.state, Seq: int64(len(s.entries))}
}

func (s *stage) serveStream(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, "stream") {
		return
	}
	cursor := r.Header.Get("Last-Event-ID")
	s.mu.Lock()
	s.resumes = append(s.resumes, cursor)
	task, again, endless := s.task(), s.again, s.endless
	mute := s.mute > 0
	s.mute--
	s.mu.Unlock()
	if cursor == "" {
		cursor = r.FormValue("after")
	}
	after, _ := strconv.Atoi(cursor)
	if task.State.Ended() && after >= int(task.Seq) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if again {
		after = 0
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if mute {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
	if endless {
		_, _ = io.WriteString(w, "data: "+strings.Repeat("x", 9<<20))
		return
	}
	snapshot, _ := json.Marshal(map[string]any{"type": "task.snapshot", "data": map[string]any{"task": task}})
	fmt.Fprintf(w, "retry: 1\n\nevent: task.snapshot\ndata: %s\n\n", snapshot)
	s.send(w, r, after)
}

// send writes what comes after a seq until the task has ended.
func (s *stage) send(w http.ResponseWriter, r *http.Request, after int) {
	for sent := 0; ; {
		s.mu.Lock()
		entries, state, changed, breaks := s.entries[after:], s.state, s.changed, s.breaks
		stop := s.refuse != 0
		s.mu.Unlock()
		for _, entry := range entries {
			after++
			if entry.Type == jobs.TaskLog && r.FormValue("include") != "logs" {
				continue
			}
			text, _ := json.Marshal(entry)
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", entry.Seq, entry.Type, text)
			if sent++; sent == breaks {
				fmt.Fprintf(w, "id: 999\ndata: {") // half an event is none
				return
			}
		}
		if state.Ended() {
			fmt.Fprintf(w, "event: end\ndata: {}\n\n")
			return
		}
		_ = http.NewResponseController(w).Flush()
		if stop {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
