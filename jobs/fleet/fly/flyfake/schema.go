package flyfake

import "time"

// Machine is one as the API tells of it.
type Machine struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	State      string    `json:"state"`
	Region     string    `json:"region"`
	InstanceID string    `json:"instance_id"`
	PrivateIP  string    `json:"private_ip,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	HostStatus string    `json:"host_status"`
	Cordoned   bool      `json:"cordoned"`
	Config     *Config   `json:"config,omitempty"`
	Incomplete *Config   `json:"incomplete_config,omitempty"`
	Events     []Event   `json:"events,omitempty"`
}

// Config is what a machine is to be. Fields of the API that no worker has use for are left out, and so refused.
type Config struct {
	Image       string            `json:"image"`
	Env         map[string]string `json:"env,omitempty"`
	Init        Init              `json:"init"`
	Guest       *Guest            `json:"guest,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Restart     *Restart          `json:"restart,omitempty"`
	AutoDestroy bool              `json:"auto_destroy,omitempty"`
	StopConfig  *StopConfig       `json:"stop_config,omitempty"`
}

// Init is what is run in a machine.
type Init struct {
	Exec       []string `json:"exec,omitempty"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	Cmd        []string `json:"cmd,omitempty"`
}

// Guest is a machine's size.
type Guest struct {
	CPUKind  string `json:"cpu_kind,omitempty"`
	CPUs     int    `json:"cpus,omitempty"`
	MemoryMB int    `json:"memory_mb,omitempty"`
}

// Restart is what follows when the process has exited.
type Restart struct {
	Policy     string `json:"policy,omitempty"`
	MaxRetries int    `json:"max_retries,omitempty"`
}

// StopConfig is how a machine is stopped.
type StopConfig struct {
	Timeout string `json:"timeout,omitempty"`
	Signal  string `json:"signal,omitempty"`
}

// Event is what happened to a machine.
type Event struct {
	Type      string   `json:"type"`
	Status    string   `json:"status"`
	Source    string   `json:"source"`
	Timestamp int64    `json:"timestamp"` // ms
	Request   *Request `json:"request,omitempty"`
}

// Request is what an event is about.
type Request struct {
	ExitEvent    *ExitEvent `json:"exit_event,omitempty"`
	RestartCount int        `json:"restart_count,omitempty"`
}

// ExitEvent is how a process ended.
type ExitEvent struct {
	ExitCode      int       `json:"exit_code"`
	GuestExitCode int       `json:"guest_exit_code"`
	OOMKilled     bool      `json:"oom_killed"`
	RequestedStop bool      `json:"requested_stop"`
	Restarting    bool      `json:"restarting"`
	ExitedAt      time.Time `json:"exited_at"`
}

// launch is the body of create and update.
type launch struct {
	Name           string  `json:"name"`
	Region         string  `json:"region"`
	Config         *Config `json:"config"`
	SkipLaunch     bool    `json:"skip_launch"`
	LeaseTTL       int     `json:"lease_ttl"`
	CurrentVersion string  `json:"current_version"`
}

type leaseRequest struct {
	Description string `json:"description"`
	TTL         int    `json:"ttl"`
}

type leaseData struct {
	Nonce       string `json:"nonce"`
	ExpiresAt   int64  `json:"expires_at"`
	Owner       string `json:"owner"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

type leaseAnswer struct {
	Status string    `json:"status"`
	Data   leaseData `json:"data"`
}

type refusal struct {
	status int
	Error  string `json:"error"`
	Code   string `json:"status,omitempty"`
}
