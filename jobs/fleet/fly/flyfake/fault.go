package flyfake

import (
	"net/http"
	"slices"
	"time"
)

// The actions of the API, as Fault names them.
const (
	List     = "list"
	Get      = "get"
	Create   = "create"
	Update   = "update"
	Start    = "start"
	Stop     = "stop"
	Destroy  = "destroy"
	Lease    = "lease"
	Release  = "release"
	Metadata = "metadata"
)

// Forever is how often a Fault happens that does not end by itself.
const Forever = -1

// Fault is how some requests are answered in place of what is true.
type Fault struct {
	Action  string // empty: each
	Region  string // of the machine, or of where one is to be made; empty: each
	Times   int    // how often; Forever
	Status  int    // of HTTP; 0: the connection breaks
	Code    string // as in insufficient_capacity
	Message string
	Done    bool // what was asked for happens all the same
}

// Misbehave lets faults happen, after those that there are already.
func (s *Server) Misbehave(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range faults {
		s.faults = append(s.faults, &fault)
	}
}

// Behave ends all faults.
func (s *Server) Behave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault is the next one for a request, used up once.
func (s *Server) fault(action, region string) *Fault {
	for _, fault := range s.faults {
		if fault.Times != 0 && (fault.Action == "" || fault.Action == action) && (fault.Region == "" || fault.Region == region) {
			if fault.Times > 0 {
				fault.Times--
			}
			return fault
		}
	}
	return nil
}

func (f *Fault) answer(w http.ResponseWriter) {
	if f.Status == 0 {
		panic(http.ErrAbortHandler) // the server breaks the connection
	}
	write(w, f.Status, refusal{Error: f.Message, Code: f.Code})
}

// Unreachable takes the hosts of all machines away that there are.
func (s *Server) Unreachable() {
	s.each(func(m *hosted) { m.HostStatus, m.Incomplete, m.Config = "unreachable", m.settings(), nil })
}

// Lose takes a machine away, as somebody else may or the end of its host: what runs in it is killed, and nobody
// knows of it any more.
func (s *Server) Lose(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.find(id); m != nil {
		s.destroy(m)
	}
}

// Stick leaves all machines that there are in a state, since a while ago.
func (s *Server) Stick(state string, ago time.Duration) {
	s.each(func(m *hosted) { m.State, m.UpdatedAt = state, time.Now().Add(-ago) })
}

// Boot is how long a machine is starting from now on.
func (s *Server) Boot(duration time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boot = duration
}

// Age moves all that happened to the machines into the past.
func (s *Server) Age(by time.Duration) {
	s.each(func(m *hosted) {
		m.CreatedAt, m.UpdatedAt = m.CreatedAt.Add(-by), m.UpdatedAt.Add(-by)
		m.Events = slices.Clone(m.Events)
		for i := range m.Events {
			m.Events[i].Timestamp -= by.Milliseconds()
		}
	})
}

func (s *Server) each(do func(*hosted)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines {
		do(m)
	}
}
