package flyfake

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"
)

// The app and its token.
const (
	App   = "acme-workers"
	Token = "fm2_stand-in" //nolint:gosec // no secret
)

// Process is what runs in a machine.
type Process interface {
	Signal(sig os.Signal)
	Wait() int // the exit code
}

// Server is the Machines API, with one app. Create it with New.
type Server struct {
	URL     string            // without /v1
	Secrets map[string]string // of the app: in the environment of every machine

	start  func(env map[string]string) (Process, error)
	http   *httptest.Server
	lives  sync.WaitGroup // of machines that were started
	closed chan struct{}

	mu       sync.Mutex
	boot     time.Duration
	machines []*hosted
	faults   []*Fault
	requests map[string]int // by action
	last     int64          // ms, of the last event
}

// New makes an API without machines, on the loopback. start starts the process of a machine. Close it.
func New(start func(env map[string]string) (Process, error)) *Server {
	s := &Server{start: start, requests: map[string]int{}, closed: make(chan struct{})}
	s.http = httptest.NewServer(s.routes())
	s.URL = s.http.URL
	return s
}

// Close kills what runs, waits for it, and closes the server.
func (s *Server) Close() {
	close(s.closed)
	for _, m := range s.Machines() {
		s.kill(m.ID)
	}
	s.lives.Wait()
	s.http.Close()
}

// Requests is how many requests of an action there were.
func (s *Server) Requests(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[action]
}

// Machines are those that there are.
func (s *Server) Machines() []Machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Machine
	for _, m := range s.machines {
		if m.State != destroyed {
			all = append(all, m.Machine)
		}
	}
	return all
}

// Process is what runs in a machine; nil: nothing does.
func (s *Server) Process(id string) Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.find(id); m != nil {
		return m.process
	}
	return nil
}

// call is a request that is being answered, while nothing else happens.
type call struct {
	*Server

	action string
	r      *http.Request
	body   []byte
	m      *hosted // that it is about; nil: the app
}

// handler carries out a request and returns the answer, or a refusal.
type handler func(c *call) (any, *refusal)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	const app = "/v1/apps/" + App + "/machines"
	for pattern, route := range map[string]struct {
		action string
		handle handler
	}{
		"GET " + app:                             {List, list},
		"POST " + app:                            {Create, create},
		"GET " + app + "/{id}":                   {Get, get},
		"POST " + app + "/{id}":                  {Update, update},
		"DELETE " + app + "/{id}":                {Destroy, destroy},
		"POST " + app + "/{id}/start":            {Start, start},
		"POST " + app + "/{id}/stop":             {Stop, stop},
		"POST " + app + "/{id}/lease":            {Lease, lease},
		"DELETE " + app + "/{id}/lease":          {Release, release},
		"POST " + app + "/{id}/metadata/{key}":   {Metadata, setMetadata},
		"DELETE " + app + "/{id}/metadata/{key}": {Metadata, setMetadata},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Fly-Request-Id", "stand-in-"+rand.Text()[:8])
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return // the client is gone
			}
			s.serve(w, &call{Server: s, action: route.action, r: r, body: body}, route.handle)
		})
	}
	return mux
}

func (s *Server) serve(w http.ResponseWriter, c *call, handle handler) {
	s.mu.Lock()
	s.requests[c.action]++
	c.m = s.find(c.r.PathValue("id"))
	fault := s.fault(c.action, c.region())
	refused := c.refused()
	var answer any
	if refused == nil && (fault == nil || fault.Done) {
		answer, refused = handle(c)
	}
	written, err := json.Marshal(answer) // before something changes it
	s.mu.Unlock()
	switch {
	case fault != nil:
		fault.answer(w)
	case refused != nil:
		write(w, refused.status, refused)
	case err != nil:
		write(w, http.StatusInternalServerError, refusal{Error: err.Error()})
	default:
		write(w, http.StatusOK, json.RawMessage(written))
	}
}

// region is where a request's machine is, or is to be.
func (c *call) region() string {
	if c.m != nil {
		return c.m.Region
	}
	var sent struct {
		Region string `json:"region"`
	}
	_ = json.Unmarshal(c.body, &sent) // what is wrong with it is said later
	return sent.Region
}

// refused is what every request can be refused for.
func (c *call) refused() *refusal {
	changes := c.action != Get && c.action != Release
	switch {
	case c.r.Header.Get("Authorization") != "FlyV1 "+Token:
		return &refusal{http.StatusUnauthorized, "unauthorized", ""}
	case c.m == nil && c.r.PathValue("id") != "":
		return &refusal{http.StatusNotFound, "machine not found", ""}
	case c.m != nil && changes && c.m.HostStatus != "ok":
		return &refusal{http.StatusServiceUnavailable, "the machine's host is unreachable", ""}
	case c.m != nil && changes && c.m.leasedFrom(c.r.Header.Get("Fly-Machine-Lease-Nonce")):
		return &refusal{http.StatusConflict, fmt.Sprintf("machine ID %s lease currently held by somebody else", c.m.ID), ""}
	default:
		return nil
	}
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // the client is gone, if anything
}

// decode reads the body, and refuses what the API does not have.
func (c *call) decode(into any) *refusal {
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return &refusal{http.StatusBadRequest, "invalid_argument: " + err.Error(), ""}
	}
	return nil
}

func (s *Server) find(id string) *hosted {
	for _, m := range s.machines {
		if m.ID == id && m.State != destroyed {
			return m
		}
	}
	return nil
}

// list also tells, once, of machines that are destroyed.
func list(c *call) (any, *refusal) {
	found, left := []Machine{}, []*hosted{}
	for _, m := range c.machines {
		if m.State != destroyed {
			left = append(left, m)
		}
		matches := true
		for name, values := range c.r.URL.Query() {
			key, filter := strings.CutPrefix(name, "metadata.")
			matches = matches && filter && m.settings().Metadata[key] == values[0]
		}
		if matches {
			found = append(found, m.Machine)
		}
	}
	c.machines = left
	return found, nil
}

func get(c *call) (any, *refusal) { return c.m.Machine, nil }
