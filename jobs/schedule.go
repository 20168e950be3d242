package jobs

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Schedule makes tasks of a kind at the times of a cron expression.
type Schedule struct {
	Name     string
	Owner    string // of the tasks, too
	Source   ScheduleSource
	Kind     string
	Input    json.RawMessage
	Tags     []string
	Priority Priority
	Cron     string
	Timezone string // a name such as Europe/Berlin
	Missed   Missed

	PausedAt   *time.Time // since when it makes no tasks; nil: it does
	NextAt     time.Time  // when it is due; means nothing while it is paused
	LastAt     *time.Time // the last time that it was due, and did not skip
	LastTaskID uuid.UUID  // the task that was made then; zero when none was
	LastError  string     // why none was
	CreatedAt  time.Time
	UpdatedAt  time.Time // when it was last defined otherwise
}

// ScheduleSource is where a schedule is defined.
type ScheduleSource string

// The sources of schedules.
const (
	FromFile ScheduleSource = "file" // freshet.yaml
	FromAPI  ScheduleSource = "api"
)

// Missed is what becomes of times that nobody was there for.
type Missed string

// What a schedule can do about missed times.
const (
	RunOnce Missed = "run_once" // one task for all of them
	Skip    Missed = "skip"     // none
)

// DueSchedule is a schedule whose time has come.
type DueSchedule struct {
	Schedule

	Now    time.Time   // by the database's clock; not before NextAt
	Target *KindStatus // its kind as it is now, but for whether it is paused; nil when there is none
}

// Tick is what becomes of a due schedule.
type Tick struct {
	NextAt     time.Time   // when it is due again
	At         *time.Time  // the time for which it is; nil: it was missed, and is skipped
	Submission *Submission // nil: none
	Error      string      // why there is none
}

// Asked is the task that the schedule asks for. Its metadata names the schedule and the time at which it was
// due, or no time when it is run by hand.
func (s Schedule) Asked(at *time.Time) (Submission, error) {
	origin := struct {
		Schedule     string     `json:"schedule"`
		ScheduledFor *time.Time `json:"scheduledFor,omitempty"`
	}{s.Name, at}
	metadata, err := json.Marshal(origin)
	if err != nil {
		return Submission{}, fmt.Errorf("metadata of schedule %s: %w", s.Name, err)
	}
	return Submission{Owner: s.Owner, Kind: s.Kind, Input: s.Input, Tags: s.Tags, Priority: s.Priority, Metadata: metadata}, nil
}
