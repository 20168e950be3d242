package flyfake

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// The states that the server itself brings machines to.
const (
	created   = "created"
	starting  = "starting"
	started   = "started"
	stopping  = "stopping"
	stopped   = "stopped"
	destroyed = "destroyed"
)

// hosted is a machine and what is in it.
type hosted struct {
	Machine

	process  Process // nil: nothing runs
	wanted   bool    // it is not being stopped
	halt     func()  // ends its boot
	restarts int

	nonce      string // of the lease
	leaseUntil time.Time
}

func (m *hosted) settings() *Config { return cmp.Or(m.Config, m.Incomplete) }

func (m *hosted) leasedFrom(nonce string) bool {
	return m.nonce != "" && time.Now().Before(m.leaseUntil) && m.nonce != nonce
}

// enter brings a machine to a state, with the event of it.
func (s *Server) enter(m *hosted, state, event string, request *Request) {
	s.last = max(s.last+1, time.Now().UnixMilli())
	m.State, m.UpdatedAt = state, time.Now()
	m.Events = append([]Event{{Type: event, Status: state, Source: "flyd", Timestamp: s.last, Request: request}}, m.Events...)
}

func create(c *call) (any, *refusal) {
	var sent launch
	if refused := c.decode(&sent); refused != nil {
		return nil, refused
	}
	if sent.Config == nil || sent.Config.Image == "" {
		return nil, &refusal{http.StatusBadRequest, "invalid_argument: config.image is required", ""}
	}
	id := strings.ToLower(rand.Text()[:14])
	m := &hosted{Machine: Machine{
		ID: id, Name: cmp.Or(sent.Name, "machine-"+id), Region: cmp.Or(sent.Region, "ams"), InstanceID: rand.Text(),
		CreatedAt: time.Now(), HostStatus: "ok", Config: sent.Config,
	}}
	for _, other := range c.machines {
		if other.Name == m.Name && other.State != destroyed {
			return nil, &refusal{http.StatusConflict, fmt.Sprintf(
				"already_exists: unique machine name violation, machine ID %s already exists with name %q", other.ID, m.Name), ""}
		}
	}
	c.enter(m, created, "launch", nil)
	c.machines = append(c.machines, m)
	if !sent.SkipLaunch {
		c.run(m)
	}
	return m.Machine, nil
}

func update(c *call) (any, *refusal) {
	var sent launch
	if refused := c.decode(&sent); refused != nil {
		return nil, refused
	}
	switch {
	case sent.Config == nil || sent.Config.Image == "":
		return nil, &refusal{http.StatusBadRequest, "invalid_argument: config.image is required", ""}
	case sent.CurrentVersion != "" && sent.CurrentVersion != c.m.InstanceID:
		return nil, &refusal{http.StatusConflict, "aborted: machine version does not match", ""}
	case c.m.State != stopped && c.m.State != created:
		return nil, c.m.wrongState("update")
	}
	c.m.Config, c.m.InstanceID = sent.Config, rand.Text()
	c.enter(c.m, c.m.State, "update", nil)
	if !sent.SkipLaunch {
		c.run(c.m)
	}
	return c.m.Machine, nil
}

func start(c *call) (any, *refusal) {
	before := c.m.State
	switch before {
	case created, stopped:
		c.run(c.m)
	default:
		return nil, c.m.wrongState("start")
	}
	return map[string]any{"previous_state": before, "migrated": false}, nil
}

func (m *hosted) wrongState(verb string) *refusal {
	return &refusal{http.StatusPreconditionFailed, fmt.Sprintf("failed_precondition: unable to %s machine from current state: '%s'", verb, m.State), ""}
}

func stop(c *call) (any, *refusal) {
	var sent StopConfig
	if len(c.body) > 0 {
		if refused := c.decode(&sent); refused != nil {
			return nil, refused
		}
	}
	switch c.m.State {
	case starting, started:
		c.m.wanted = false
		c.m.halt()
		c.enter(c.m, stopping, "stop", nil)
		if c.m.process != nil {
			c.m.process.Signal(map[string]os.Signal{"": syscall.SIGINT, "SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM}[sent.Signal])
		}
	case stopping, stopped:
	default:
		return nil, c.m.wrongState("stop")
	}
	return map[string]bool{"ok": true}, nil
}

func destroy(c *call) (any, *refusal) {
	force := c.r.URL.Query().Get("force") == "true"
	if c.m.State != stopped && c.m.State != created && !force {
		return nil, c.m.wrongState("destroy")
	}
	c.destroy(c.m)
	return map[string]bool{"ok": true}, nil
}

// destroy ends a machine and what runs in it. The mutex is held.
func (s *Server) destroy(m *hosted) {
	m.wanted = false
	if m.halt != nil {
		m.halt()
	}
	s.enter(m, destroyed, "destroy", nil)
	if m.process != nil {
		m.process.Signal(syscall.SIGKILL)
	}
}

func lease(c *call) (any, *refusal) {
	var sent leaseRequest
	if refused := c.decode(&sent); refused != nil {
		return nil, refused
	}
	c.m.nonce, c.m.leaseUntil = rand.Text(), time.Now().Add(time.Duration(sent.TTL)*time.Second)
	return leaseAnswer{"success", leaseData{
		Nonce: c.m.nonce, ExpiresAt: c.m.leaseUntil.Unix(), Description: sent.Description, Version: c.m.InstanceID,
	}}, nil
}

func release(c *call) (any, *refusal) {
	if c.m.nonce != c.r.Header.Get("Fly-Machine-Lease-Nonce") {
		return nil, &refusal{http.StatusConflict, "the lease is somebody else's", ""}
	}
	c.m.nonce = ""
	return map[string]bool{"ok": true}, nil
}

func setMetadata(c *call) (any, *refusal) {
	metadata := maps.Clone(c.m.Config.Metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	delete(metadata, c.r.PathValue("key"))
	if c.r.Method == http.MethodPost {
		var sent struct {
			Value string `json:"value"`
		}
		if refused := c.decode(&sent); refused != nil {
			return nil, refused
		}
		metadata[c.r.PathValue("key")] = sent.Value
	}
	changed := *c.m.Config
	changed.Metadata = metadata
	c.m.Config = &changed
	return map[string]bool{"ok": true}, nil
}

// kill ends what runs in a machine, for good.
func (s *Server) kill(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.find(id); m != nil {
		m.wanted = false
		if m.process != nil {
			m.process.Signal(syscall.SIGKILL)
		}
	}
}
