package jobs

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Task is one request for work: the public record.
type Task struct {
	ID       uuid.UUID
	Owner    string
	Kind     string
	KindHash string // the revision of the kind that it was submitted under
	Pool     string
	State    State
	Run      int   // begins at 1; a retry by hand begins the next
	Attempt  int   // number of the current attempt, the fence; rises across runs
	Tries    int   // attempts of this run that count; lost and interrupted ones do not
	MaxTries int   // how many count before the task fails
	Seq      int64 // number of the last event or log chunk

	Priority Priority
	Tags     []string
	Metadata json.RawMessage // an object, or nil
	Timeout  time.Duration   // tightens the kind's; zero when not given
	RerunOf  uuid.UUID       // zero when it is not a rerun
	Webhook  TaskWebhook

	Progress int // 0 to 100
	Message  string
	Input    json.RawMessage // nil in lists
	Output   json.RawMessage // nil until completed, and in lists
	Failure  *Failure
	Wait     *Wait // set while pending
	Usage    *Usage

	CreatedAt         time.Time
	ScheduledAt       *time.Time
	StartedAt         *time.Time // first start of this run
	EndedAt           *time.Time
	CancelRequestedAt *time.Time
}

// Usage is what the last ended attempt took from its machine.
type Usage struct {
	CPUSeconds    float64 `json:"cpuSeconds"    doc:"User and system time of the command and all its descendants."`
	MaxRSSBytes   int64   `json:"maxRssBytes"   doc:"Peak memory, in bytes: of the whole tree where a cgroup counts it, else of its largest process."`
	WallSeconds   float64 `json:"wallSeconds"   doc:"From start to end of the attempt."`
	OutputBytes   int64   `json:"outputBytes"   doc:"What it printed, in bytes, kept or not."`
	LeftProcesses int     `json:"leftProcesses" doc:"Descendants that were still alive when the command ended, and were killed."`
}

// How many tags a task may have, and how long each of them, in bytes.
const (
	MaxTags = 20
	MaxTag  = 100
)

// Submission is a task about to be stored, all decisions made.
type Submission struct {
	ID          uuid.UUID // UUIDv7; its time is CreatedAt
	Owner       string
	Kind        string
	KindHash    string
	Pool        string
	MaxTries    int
	Priority    Priority
	Tags        []string
	Metadata    json.RawMessage
	Timeout     time.Duration
	RerunOf     uuid.UUID
	Input       json.RawMessage
	ScheduledAt *time.Time // nil: at once
	ExpiresAt   *time.Time // nil: never; the kind's queueTtl after creation or ScheduledAt
	Idempotency *Idempotency
	Webhook     TaskWebhook
	Trace       string // the trace that the submit is part of, as a traceparent; empty: none
}

// TaskWebhook is a task's own address to be told of its end. The zero value is none.
type TaskWebhook struct {
	URL string
	Key string // the API key that submitted the task, and whose secret signs
}

// Idempotency is a caller's promise that submits with the same key are the same request.
type Idempotency struct {
	Key         string
	Scope       IdempotencyScope
	Fingerprint [32]byte // SHA-256 of the request: the same key with another one is a conflict
}

// IdempotencyScope is how long a key stays taken.
type IdempotencyScope string

// The scopes of an idempotency key.
const (
	Retained IdempotencyScope = "retained" // as long as the task is kept
	Active   IdempotencyScope = "active"   // until the task ends: for the double click
)

// Submitted is what became of a submission. Replayed: an earlier task had the same key and payload,
// and ID is that one's. Conflict: the key was used with another payload.
type Submitted struct {
	ID       uuid.UUID
	Replayed bool
	Conflict bool
}

// TaskFilter narrows a list; a zero field does not.
type TaskFilter struct {
	Owner         string
	Kind          string
	State         State
	Tag           string
	CreatedAfter  time.Time
	CreatedBefore time.Time
}
