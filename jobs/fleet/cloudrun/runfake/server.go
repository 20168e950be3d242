package runfake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// MaxPage is how many executions a page has at most.
	MaxPage = 100
	// grace is what a process has between SIGTERM and SIGKILL:
	// https://cloud.google.com/run/docs/container-contract#lifecycle-jobs.
	grace = 10 * time.Second
)

// Process is what an execution runs.
type Process interface {
	Signal(sig os.Signal)
	// Wait waits for the end and answers the exit code; below zero, a signal ended it.
	Wait() int
}

// Start starts the process of an execution, which is known by its short name, with these variables.
type Start func(execution string, env map[string]string) (Process, error)

// Server is the API. It is an http.Handler. Close it.
type Server struct {
	start Start
	jobs  map[string]map[string]string // variables of a job's container, by the full name
	ctx   context.Context              //nolint:containedctx // the life of what runs
	stop  context.CancelFunc
	all   sync.WaitGroup

	mu         sync.Mutex
	executions []*execution // the oldest first
	serial     int
	faults     []*Fault
	boot       chan struct{} // nil, or closed when processes may start
}

// New makes a server with jobs, each by its full name and with the variables of its container.
func New(start Start, jobs map[string]map[string]string) *Server {
	ctx, stop := context.WithCancel(context.Background())
	return &Server{start: start, jobs: jobs, ctx: ctx, stop: stop}
}

// Close kills what runs and waits for its end.
func (s *Server) Close() {
	s.stop()
	s.all.Wait()
}

// HoldBoots has executions stay without a process, as while an image is pulled, until release is called.
func (s *Server) HoldBoots() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	boot := make(chan struct{})
	s.boot = boot
	return sync.OnceFunc(func() {
		s.mu.Lock()
		s.boot = nil
		s.mu.Unlock()
		close(boot)
	})
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method, name := operation(r)
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Request is missing required authentication credential.")
		return
	}
	fault := s.fault(method)
	if fault != nil && !fault.Done {
		fault.answer(w)
		return
	}
	content, err := s.serve(method, name, r)
	switch {
	case fault != nil:
		fault.answer(w)
	case err != nil:
		refuse(w, err.status, err.code, err.message)
	default:
		reply(w, r, content)
	}
}

// operation is the method of the API and the resource that a request is for. The method is empty if it is none.
func operation(r *http.Request) (method Method, name string) {
	name, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	if !ok {
		return "", name
	}
	parts := strings.Split(name, "/")
	kind := "list of " + parts[len(parts)-1]
	if len(parts)%2 == 0 {
		kind = parts[len(parts)-2]
	}
	name, verb, _ := strings.Cut(name, ":")
	switch fmt.Sprint(r.Method, " ", kind, " ", verb) {
	case "POST jobs run":
		return Run, name
	case "GET list of executions ":
		return List, strings.TrimSuffix(name, "/executions")
	case "GET executions ":
		return Get, name
	case "POST executions cancel":
		return Cancel, name
	case "DELETE executions ":
		return Delete, name
	case "GET list of tasks ":
		return Tasks, strings.TrimSuffix(name, "/tasks")
	case "GET operations ":
		return Poll, name
	}
	return "", name
}

// problem is an error of the API.
type problem struct {
	status  int
	code    string
	message string
}

func missing(name string) *problem {
	return &problem{http.StatusNotFound, "NOT_FOUND", fmt.Sprintf("Resource '%s' was not found", name)}
}

func (s *Server) serve(method Method, name string, r *http.Request) (any, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch method {
	case Run:
		return s.run(name, r)
	case List:
		return s.list(name, r)
	case "":
		return nil, missing(name)
	default:
		return s.serveOne(method, name)
	}
}

// serveOne is for what is about one execution.
func (s *Server) serveOne(method Method, name string) (any, *problem) {
	at := slices.IndexFunc(s.executions, func(e *execution) bool { return name == e.name || name == e.operation() })
	if at < 0 {
		return nil, missing(name)
	}
	e := s.executions[at]
	switch method {
	case Cancel:
		return e.cancel()
	case Delete:
		if e.ended.IsZero() {
			return nil, &problem{http.StatusBadRequest, "FAILED_PRECONDITION", "The execution is running."}
		}
		s.executions = slices.Delete(s.executions, at, at+1)
		return e.longRunning(), nil
	case Tasks:
		return map[string]any{"tasks": []any{e.task()}}, nil
	case Poll:
		return e.longRunning(), nil
	default:
		return e.view(), nil
	}
}

// runBody is RunJobRequest.
type runBody struct {
	Name         string `json:"name"`
	ValidateOnly bool   `json:"validateOnly"`
	Etag         string `json:"etag"`
	Overrides    struct {
		TaskCount          int    `json:"taskCount"`
		Timeout            string `json:"timeout"`
		ContainerOverrides []struct {
			Name      string   `json:"name"`
			Args      []string `json:"args"`
			ClearArgs bool     `json:"clearArgs"`
			Env       []struct {
				Name  string `json:"name"`
				Value string `json:"value"`
			} `json:"env"`
		} `json:"containerOverrides"`
	} `json:"overrides"`
}

func (s *Server) run(job string, r *http.Request) (any, *problem) {
	var body runBody
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		return nil, &problem{http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid JSON payload received. " + err.Error()}
	}
	if _, known := s.jobs[job]; !known {
		return nil, missing(job)
	}
	if body.Overrides.TaskCount > 1 {
		return nil, &problem{http.StatusNotImplemented, "UNIMPLEMENTED", "This stand-in runs one task."}
	}
	env := maps.Clone(s.jobs[job])
	if env == nil {
		env = map[string]string{}
	}
	for _, container := range body.Overrides.ContainerOverrides {
		for _, v := range container.Env {
			env[v.Name] = v.Value
		}
	}
	return s.execute(job, env).longRunning(), nil
}

// Execute has an execution that nobody asked for by the API, and answers its short name.
func (s *Server) Execute(job string, env map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.execute(job, env).id()
}

func (s *Server) list(job string, r *http.Request) (any, *problem) {
	if _, known := s.jobs[job]; !known {
		return nil, missing(job)
	}
	size, _ := strconv.Atoi(r.URL.Query().Get("pageSize"))
	size = min(cmp.Or(size, MaxPage), MaxPage)
	before, _ := strconv.Atoi(r.URL.Query().Get("pageToken")) // the number of the last one that was shown
	views, next := []any{}, ""
	for _, e := range slices.Backward(s.executions) {
		if e.job != job || before > 0 && e.number >= before {
			continue
		}
		if len(views) == size {
			next = strconv.Itoa(before)
			break
		}
		views, before = append(views, e.view()), e.number
	}
	return map[string]any{"executions": views, "nextPageToken": next}, nil
}

// reply answers in the form that is asked for: enums are names, or numbers for Google's own clients.
func reply(w http.ResponseWriter, r *http.Request, content any) {
	if strings.Contains(r.URL.Query().Get("$alt"), "enum-encoding=int") {
		content = numbered(content)
	}
	write(w, http.StatusOK, content)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	write(w, status, map[string]any{"error": map[string]any{"code": status, "message": message, "status": code}})
}

func write(w http.ResponseWriter, status int, content any) {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // it is made here
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who asked may have gone
}
