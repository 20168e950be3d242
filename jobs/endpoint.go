package jobs

import (
	"time"

	"github.com/google/uuid"
)

// Endpoint is an address of a user's app that is told of events.
type Endpoint struct {
	ID       uuid.UUID
	Owner    string
	Everyone bool // it hears of every owner's tasks, not of Owner's alone
	URL      string
	Events   []EventType // what it hears of
	Kinds    []string    // of tasks of these kinds; none: of all
	Headers  []byte      // wrapped: what the user wants to be sent along
	Signing  Signing

	Enabled   bool       // events are delivered to it
	Disabled  string     // why it is not enabled, when that was not its owner's wish
	PausedAt  *time.Time // deliveries wait since then
	FailingAt *time.Time // since when nothing arrives
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Signing is what messages are signed with, wrapped: one secret, or the one before behind it, which signs
// too until a time.
type Signing struct {
	Secrets []byte
	Until   *time.Time
}

// The types of messages that are no events of a task.
const (
	EndpointDisabled EventType = "endpoint.disabled" // an endpoint of the owner's failed for too long
	EndpointTest     EventType = "endpoint.test"     // somebody wants to see whether a message arrives
)

// Heard are the types of events that an endpoint may ask for.
func Heard() []EventType {
	return []EventType{
		TaskCreated, TaskStarted, TaskWaiting, TaskRetrying, TaskInterrupted, TaskCancelRequested,
		TaskCompleted, TaskFailed, TaskCancelled, EndpointDisabled,
	}
}

// Ends are the types of events with which a task ends. A task's own webhook hears of these.
func Ends() []EventType { return []EventType{TaskCompleted, TaskFailed, TaskCancelled} }
