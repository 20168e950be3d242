package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"time"
)

// NamePattern is what the names of kinds, pools, keys and schedules look like; MaxName is how long they may be.
const (
	NamePattern = `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`
	MaxName     = 50
)

// ValidName tells whether a kind, a pool, a key or a schedule may be called so.
func ValidName(name string) bool {
	fits, err := regexp.MatchString(NamePattern, name)
	return err == nil && fits && len(name) <= MaxName
}

// Kind says how tasks of one name are run. It is immutable once stored: its Hash names the revision
// that a task was submitted under. What belongs to one machine only (the folder of freshet.yaml, the
// variables a command may inherit) is not part of it.
type Kind struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Command     []string          `json:"command,omitempty"` // exactly one of Command and HTTP says who does the work
	HTTP        *HTTP             `json:"http,omitempty"`
	Cwd         string            `json:"cwd"` // of a command: project, workspace, or a path
	Input       json.RawMessage   `json:"input,omitempty"`
	Output      json.RawMessage   `json:"output,omitempty"`
	Env         map[string]string `json:"env,omitempty"` // ${VAR} not resolved yet
	Pool        string            `json:"pool"`
	Timeout     time.Duration     `json:"timeout"`
	Silence     time.Duration     `json:"silence,omitempty"`  // zero: not watched
	QueueTTL    time.Duration     `json:"queueTtl,omitempty"` // zero: may wait for ever
	Grace       time.Duration     `json:"grace"`
	Memory      int64             `json:"memory,omitempty"`    // bytes; zero: no limit
	Processes   int               `json:"processes,omitempty"` // with each of their threads; zero: no limit
	OpenFiles   int               `json:"openFiles,omitempty"` // of each process; zero: as many as the worker
	Disk        int64             `json:"disk,omitempty"`      // bytes in the workspace; zero: no limit
	Files       int               `json:"files,omitempty"`     // and folders in the workspace; zero: no limit
	Sandbox     *Sandbox          `json:"sandbox,omitempty"`   // nil: a command is not confined
	Retry       Retry             `json:"retry"`
	Concurrency Concurrency       `json:"concurrency"`
	Credential  string            `json:"credential,omitempty"` // that its tasks use; while it is held, none starts
	LogBytes    int64             `json:"logBytes"`
}

// HTTP is a route of the user's app that does a kind's work: the worker sends it a signed request, and its
// answer says what a command would say in its event file.
type HTTP struct {
	URL     string        `json:"url"`               // ${VAR} not resolved yet
	Timeout time.Duration `json:"timeout,omitempty"` // of the request and its answer; zero: the attempt's alone
}

// Folders that a command can run in besides a path of its own.
const (
	CwdProject   = "project"   // the folder of freshet.yaml
	CwdWorkspace = "workspace" // a fresh, empty folder
)

// Retry says how often and how soon a failed task is tried again.
type Retry struct {
	MaxAttempts int           `json:"maxAttempts"`
	Initial     time.Duration `json:"initial"`
	Factor      float64       `json:"factor"`
	Max         time.Duration `json:"max"`
	Jitter      float64       `json:"jitter"` // share of the delay, 0 to 1, by which it varies to either side
}

// Concurrency limits how many tasks of a kind run at once; zero is no limit.
type Concurrency struct {
	Total    int `json:"total,omitempty"`
	PerOwner int `json:"perOwner,omitempty"`
}

// Hash names the revision: the SHA-256 of its JSON, in hex.
func (k Kind) Hash() (string, error) {
	spec, err := json.Marshal(k)
	if err != nil {
		return "", fmt.Errorf("hash kind %s: %w", k.Name, err)
	}
	sum := sha256.Sum256(spec)
	return hex.EncodeToString(sum[:]), nil
}

// Delay is how long to wait after the try-th failed try (from 1). random is in [0, 1).
func (r Retry) Delay(try int, random float64) time.Duration {
	delay := float64(r.Initial) * math.Pow(r.Factor, float64(try-1))
	delay = math.Min(delay, float64(r.Max))
	delay *= 1 + r.Jitter*(2*random-1)
	return time.Duration(delay)
}

// KindStatus is a kind as the API shows it.
type KindStatus struct {
	Kind
	Revision string
	PausedAt *time.Time
}
