package fly

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/fleet"
)

// The keys of a machine's metadata. What has not the first two is not ours.
const (
	metaInstall    = "freshet_install"
	metaPool       = "freshet_pool"
	metaGeneration = "freshet_generation"
	metaClaim      = "freshet_claim"
)

const (
	// stuckAfter is how long a machine may be between two states.
	stuckAfter = 5 * time.Minute
	// abandonedAfter is how long a claim is respected: longer than it takes to start what is claimed.
	abandonedAfter = 3 * time.Minute
)

// machine is what is read of one.
type machine struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	State      string  `json:"state"`
	HostStatus string  `json:"host_status"`
	UpdatedAt  string  `json:"updated_at"`
	Config     *config `json:"config"`
	Partial    *config `json:"incomplete_config"` // in place of config when the host does not answer
	Events     []event `json:"events"`
}

// config is what a machine is to be.
type config struct {
	Image       string            `json:"image"`
	Env         map[string]string `json:"env,omitempty"`
	Init        initial           `json:"init"`
	Guest       *guest            `json:"guest,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Restart     restart           `json:"restart"`
	AutoDestroy bool              `json:"auto_destroy"`
	StopConfig  *stopping         `json:"stop_config,omitempty"`
}

type initial struct {
	Cmd []string `json:"cmd,omitempty"`
}

type restart struct {
	Policy     string `json:"policy"`
	MaxRetries int    `json:"max_retries,omitempty"`
}

type stopping struct {
	Signal  string `json:"signal"`
	Timeout string `json:"timeout"` // a duration as Go writes it
}

// event is something that happened to a machine. The newest stands first.
type event struct {
	Type      string `json:"type"`
	Timestamp int64  `json:"timestamp"` // ms
	Request   *struct {
		Exit    *exit `json:"exit_event"`
		Monitor *struct {
			Exit *exit `json:"exit_event"`
		} `json:"MonitorEvent"`
	} `json:"request"`
}

type exit struct {
	Code        int       `json:"exit_code"`
	OutOfMemory bool      `json:"oom_killed"`
	Requested   bool      `json:"requested_stop"`
	At          time.Time `json:"exited_at"`
}

func (m *machine) meta(key string) string {
	if c := cmp.Or(m.Config, m.Partial); c != nil {
		return c.Metadata[key]
	}
	return ""
}

func (m *machine) reachable() bool { return m.HostStatus == "" || m.HostStatus == "ok" }

// latest is when something of some types last happened to a machine, in ms; of no types: anything.
func (m *machine) latest(types ...string) int64 {
	var at int64
	for _, e := range m.Events {
		if len(types) == 0 || slices.Contains(types, e.Type) {
			at = max(at, e.Timestamp)
		}
	}
	return at
}

// claim is the order that a machine has: since when, by the clock of who gave it, and the time of the machine's last
// event before, by Fly's.
type claim struct {
	intent uuid.UUID
	mark   int64 // ms
	since  int64 // ms
}

func newClaim(intent uuid.UUID, mark int64) claim { return claim{intent, mark, time.Now().UnixMilli()} }

func (c claim) String() string { return fmt.Sprintf("%s %d %d", c.intent, c.mark, c.since) }

// claim is zero without one.
func (m *machine) claim() claim {
	var c claim
	var intent string
	if _, err := fmt.Sscan(m.meta(metaClaim), &intent, &c.mark, &c.since); err != nil {
		return claim{}
	}
	var err error
	if c.intent, err = uuid.Parse(intent); err != nil {
		return claim{}
	}
	return c
}

// pending tells whether somebody may be about to start a machine. Claims that nobody made good are left behind by
// replicas that died.
func (m *machine) pending() bool {
	c := m.claim()
	return c != claim{} && !m.ran() && time.Since(time.UnixMilli(c.since)) < abandonedAfter
}

// ran tells whether a machine was started for its claim.
func (m *machine) ran() bool {
	return m.state().Alive() && !m.prepared() || m.latest("start", "exit") > m.claim().mark
}

// prepared tells whether a machine gets its image; it is not started yet, then.
func (m *machine) prepared() bool {
	return m.State == "creating" || m.State == "updating" || m.State == "replacing"
}

// waits tells whether a machine can be started.
func (m *machine) waits() bool {
	return m.reachable() && (m.State == "stopped" || m.State == "created")
}

// stuck tells whether a machine has been between two states for too long.
func (m *machine) stuck() bool {
	switch m.State {
	case "creating", "starting", "stopping", "restarting", "suspending", "updating", "replacing", "destroying":
		at, err := time.Parse(time.RFC3339Nano, m.UpdatedAt)
		return err == nil && time.Since(at) > stuckAfter
	default:
		return false
	}
}

func (m *machine) state() fleet.State {
	switch m.State {
	case "created", "stopped", "suspended":
		return fleet.Stopped
	case "failed", "launch_failed":
		return fleet.Failed
	}
	if !m.reachable() || m.stuck() {
		return fleet.Unknown
	}
	switch m.State {
	case "creating", "updating", "replacing", "starting", "restarting":
		return fleet.Starting
	case "started":
		return fleet.Running
	case "stopping", "suspending", "destroying":
		return fleet.Stopping
	default:
		return fleet.Unknown
	}
}

// gone tells whether a machine is but a memory of Fly's.
func (m *machine) gone() bool {
	return m.State == "destroyed" || m.State == "replaced" || m.State == "migrated"
}

func (m *machine) unit() fleet.Unit {
	unit := fleet.Unit{ID: m.ID, Intent: m.claim().intent, Generation: m.meta(metaGeneration), State: m.state()}
	started := m.latest("start")
	if started > 0 {
		unit.Since = time.UnixMilli(started)
	}
	for _, e := range m.Events {
		if e.Type != "exit" || e.Timestamp < started || e.Request == nil {
			continue
		}
		found := e.Request.Exit
		if e.Request.Monitor != nil && e.Request.Monitor.Exit != nil {
			found = e.Request.Monitor.Exit
		}
		if found != nil {
			unit.Exit = &fleet.Exit{Code: found.Code, OutOfMemory: found.OutOfMemory, Requested: found.Requested, At: found.At}
			break
		}
	}
	return unit
}
