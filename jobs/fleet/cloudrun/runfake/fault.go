package runfake

import (
	"net/http"
	"strconv"
	"time"
)

// Method is one of the API's.
type Method string

// The methods.
const (
	Any    Method = ""
	Run    Method = "jobs.run"
	List   Method = "executions.list"
	Get    Method = "executions.get"
	Cancel Method = "executions.cancel"
	Delete Method = "executions.delete"
	Tasks  Method = "tasks.list"
	Poll   Method = "operations.get"
)

// Fault is a wrong answer.
type Fault struct {
	On    Method // to which requests
	Times int    // to how many; 0: until Heal
	Done  bool   // what was asked for is done all the same

	Status     int // what is answered; 0: the connection breaks instead
	Code       string
	RetryAfter time.Duration
}

// Inject makes a fault. Of two for a request the older one is first.
func (s *Server) Inject(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Age moves all that happened to the executions into the past.
func (s *Server) Age(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.executions {
		for _, at := range []*time.Time{&e.created, &e.started, &e.ended} {
			if !at.IsZero() {
				*at = at.Add(-by)
			}
		}
	}
}

// fault is what is to go wrong with a request; nil: nothing.
func (s *Server) fault(method Method) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, fault := range s.faults {
		if fault.On != Any && fault.On != method {
			continue
		}
		if fault.Times == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		} else if fault.Times > 1 {
			fault.Times--
		}
		return fault
	}
	return nil
}

func (f *Fault) answer(w http.ResponseWriter) {
	if f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	refuse(w, f.Status, f.Code, "injected fault")
}
