package client_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
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
	t    *testing.T
	page int // entries of one answer

	mu      sync.Mutex
	state   jobs.State
	entries []client.Event
	changed chan struct{} // closed at the next change
	served  map[string]int
	after   func(resource string) // called after a list was read, before it is sent
	refuse  int                   // status of every answer; zero: as usual
}

func newStage(t *testing.T, page int) *stage {
	t.Helper()
	return &stage{t: t, page: page, state: jobs.Running, changed: make(chan struct{}), served: map[string]int{}}
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
	mux.HandleFunc("GET /v1/tasks/{id}/{list}", s.serveList)
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

func (s *stage) serveTask(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.Atoi(r.FormValue("after"))
	for {
		s.mu.Lock()
		seq, state, changed, refuse := len(s.entries), s.state, s.changed, s.refuse
		if refuse != 0 || seq > after {
			s.served["task"]++
			s.mu.Unlock()
			if refuse != 0 {
				w.WriteHeader(refuse)
				return
			}
			_ = json.NewEncoder(w).Encode(client.Task{ID: taskID, State: state, Seq: int64(seq)})
			return
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *stage) serveList(w http.ResponseWriter, r *http.Request) {
	resource := r.PathValue("list")
	after, _ := strconv.ParseInt(r.FormValue("after"), 10, 64)
	tail, _ := strconv.Atoi(r.FormValue("tail"))
	s.mu.Lock()
	s.served[resource]++
	items := []any{}
	for _, entry := range s.entries {
		isLog := entry.Type == jobs.TaskLog
		if entry.Seq <= after || isLog != (resource == "logs") || tail == 0 && len(items) == s.page {
			continue
		}
		if isLog {
			var output client.Output
			_ = json.Unmarshal(entry.Data, &output)
			items = append(items, client.LogChunk{Seq: entry.Seq, Attempt: entry.Attempt, Output: output})
		} else {
			items = append(items, entry)
		}
	}
	if tail > 0 && len(items) > tail {
		items = items[len(items)-tail:]
	}
	hook := s.after
	s.mu.Unlock()
	if hook != nil {
		hook(resource)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
}
