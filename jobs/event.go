package jobs

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// EventType names what happened.
type EventType string

// The types of events. TaskLog is the type under which a log chunk is shown.
const (
	TaskCreated         EventType = "task.created"
	TaskStarted         EventType = "task.started"
	TaskProgress        EventType = "task.progress"
	TaskWaiting         EventType = "task.waiting"
	TaskRetrying        EventType = "task.retrying"
	TaskInterrupted     EventType = "task.interrupted"
	TaskCancelRequested EventType = "task.cancel_requested"
	TaskCompleted       EventType = "task.completed"
	TaskFailed          EventType = "task.failed"
	TaskCancelled       EventType = "task.cancelled"
	TaskCustom          EventType = "task.custom"
	TaskLog             EventType = "task.log"
)

// Lifecycle tells whether the event moves the task from state to state, and so carries the task.
func (t EventType) Lifecycle() bool {
	switch t {
	case TaskProgress, TaskCustom, TaskLog:
		return false
	default:
		return true
	}
}

// Event is one numbered thing that happened to a task.
type Event struct {
	TaskID  uuid.UUID
	Seq     int64
	Attempt int
	At      time.Time
	Type    EventType
	Data    json.RawMessage // an object, or nil
}

// Stream is where a piece of output came from.
type Stream int16

// The streams of a task's output. System carries what Freshet itself has to say about the attempt.
const (
	Stdout Stream = 1
	Stderr Stream = 2
	System Stream = 3
)

// String is the stream's name as users see it.
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	default:
		return "system"
	}
}

// LogChunk is a piece of what a task's command printed, cut at a line's end unless Partial.
type LogChunk struct {
	TaskID  uuid.UUID
	Seq     int64
	Attempt int
	At      time.Time
	Stream  Stream
	Partial bool // the last line goes on in the stream's next chunk
	Bytes   []byte
}

// Entry is one number of a task's sequence: an event, or a piece of output under the type TaskLog.
type Entry struct {
	Event

	Stream  Stream
	Partial bool
	Bytes   []byte
}

// LogFilter narrows what is read of a task's output; a zero field does not.
type LogFilter struct {
	After   int64 // only chunks with a higher seq
	Attempt int
	Tail    int // only the last so many lines
	Limit   int // at most so many chunks
}

// Record is one entry of an attempt's spool: an event or a piece of output, not yet numbered.
type Record struct {
	At      time.Time
	Type    EventType
	Data    json.RawMessage // of an event
	Stream  Stream          // of output
	Partial bool
	Bytes   []byte
}

// Flush appends records From+1 to To of an attempt's spool to its task. It applies when the stored
// count is From, and is a success when the count is already To or past it.
type Flush struct {
	Fence
	From, To int64
	Records  []Record
	Progress *int    // the last one among the records
	Message  *string // the last one among the records
}

// Flushed is the answer to a Flush.
type Flushed struct {
	Stored          int64 // records of the attempt that are stored now
	CancelRequested bool
}
