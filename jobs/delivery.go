package jobs

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// DeliveryState is where a delivery is.
type DeliveryState string

// The states of a delivery. One that failed is not tried again by itself.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed"
)

// Delivery is one event on its way to one endpoint, or to a task's own webhook.
type Delivery struct {
	ID       uuid.UUID // UUIDv7
	Message  string    // the same each time that the event is sent
	Endpoint uuid.UUID // zero: it goes to a task's own webhook
	URL      string
	Owner    string    // of the endpoint, or of the API key that named the task's webhook
	OfOthers bool      // it tells of a task that is not Owner's, or its endpoint hears of those; where deliveries are read
	TaskID   uuid.UUID // zero: it tells of no task
	Seq      int64
	Attempt  int
	Type     EventType
	At       time.Time // of the event
	State    DeliveryState
	Tries    int
	DueAt    time.Time // of the next try, while it is pending
	EndedAt  *time.Time
	Last     *DeliveryTry
}

// DeliveryTry is one sending.
type DeliveryTry struct {
	Number int
	At     time.Time
	Took   time.Duration
	Status int    // of the answer; zero: there was none
	Answer []byte // how its body begins
	Error  string // why there was no answer
}

// Sending is a delivery that this process may send, until its time is up.
type Sending struct {
	Delivery

	Failures int // sendings in a row that failed
	Told     *Told
	Body     []byte // nil: it is made from Told, and the same ever after
	Headers  []byte // wrapped
	Key      string // whose secret signs; empty: the endpoint's own
	Signing  Signing
}

// Told is what the body of a delivery is made of, as it was when the event happened.
type Told struct {
	Task   Task
	Data   json.RawMessage // of the event
	Output json.RawMessage // of a task that completed
	Large  bool            // there is an output, too large to be sent
}

// Sent is how a sending ended.
type Sent struct {
	Delivery uuid.UUID
	Number   int // of the try: its fence
	Body     []byte
	Try      DeliveryTry
	OK       bool
	Gone     bool           // the receiver wants nothing any more
	Next     *time.Duration // until the next try; nil after a failure: there is none
}

// DeliveryFilter narrows a list; a zero field does not.
type DeliveryFilter struct {
	Owner    string
	OwnTasks bool // none that tells of others' tasks
	Endpoint uuid.UUID
	Task     uuid.UUID
	State    DeliveryState
}
