package jobs

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Fence names the one attempt that may write, and the worker that runs it.
type Fence struct {
	TaskID   uuid.UUID
	Attempt  int
	WorkerID uuid.UUID
}

// Attempt is one try at a task.
type Attempt struct {
	Number    int
	Run       int
	State     AttemptState
	Outcome   Outcome // empty until ended
	WorkerID  uuid.UUID
	Failure   *Failure
	ExitCode  *int
	Signal    string
	Usage     *Usage
	QueuedAt  *time.Time
	StartedAt *time.Time
	EndedAt   *time.Time
}

// Candidate is an attempt that a worker has fetched from River and would like to run.
type Candidate struct {
	TaskID   uuid.UUID
	Attempt  int
	RiverJob int64
}

// Claim is an attempt that is now this worker's, with all that it needs to run it.
type Claim struct {
	Fence
	RiverJob  int64
	Owner     string
	Kind      string
	KindHash  string
	Input     json.RawMessage
	Timeout   time.Duration // tightens the kind's; zero when not given
	Tries     int           // tries used before this attempt
	MaxTries  int
	QueuedAt  time.Time // since when it has waited for a slot; of a first attempt by the clock of who submitted it
	StartedAt time.Time
	Trace     string // the trace of its submit, as a traceparent of W3C Trace Context; empty when it has none
}

// ClaimRefusal says why a claim was not granted.
type ClaimRefusal string

// The refusals of a claim. Only ClaimStale leaves the attempt as it was.
const (
	ClaimGranted ClaimRefusal = ""
	ClaimHeld    ClaimRefusal = "held"  // paused, or a kind this worker lacks: held again, its River job gone
	ClaimStale   ClaimRefusal = "stale" // no such queued attempt under this River job
)

// Ending is how an attempt ended and what follows.
type Ending struct {
	Fence
	RiverJob int64
	Outcome  Outcome
	Failure  *Failure        // nil when completed or cancelled
	Output   json.RawMessage // nil when there is none
	ExitCode *int
	Signal   string
	Usage    *Usage
	Next     *Next // nil: the task ends with this attempt
}

// Next is the attempt that follows an ended one.
type Next struct {
	Delay    time.Duration // zero: at once
	CostsTry bool          // whether the ended attempt counts against the kind's maxAttempts
}
