package postgres

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// toldRow is what tellSQL keeps of an event.
type toldRow struct {
	Task   *taskSnapshot   `json:"task"`
	Data   json.RawMessage `json:"data"`
	Output json.RawMessage `json:"output"`
	Large  bool            `json:"large"`
}

// taskSnapshot is a row of freshet.tasks as PostgreSQL writes it in JSON, as far as users see it.
type taskSnapshot struct {
	ID                uuid.UUID       `json:"id"`
	Owner             string          `json:"owner"`
	Kind              string          `json:"kind"`
	State             jobs.State      `json:"state"`
	Run               int             `json:"run"`
	Attempt           int             `json:"attempt"`
	Tries             int             `json:"tries"`
	MaxTries          int             `json:"max_tries"`
	Seq               int64           `json:"seq"`
	Priority          jobs.Priority   `json:"priority"`
	Tags              []string        `json:"tags"`
	Metadata          json.RawMessage `json:"metadata"`
	RerunOf           uuid.UUID       `json:"rerun_of"`
	Progress          int             `json:"progress"`
	Message           string          `json:"message"`
	Failure           *jobs.Failure   `json:"failure"`
	Usage             *jobs.Usage     `json:"usage"`
	CreatedAt         time.Time       `json:"created_at"`
	ScheduledAt       *time.Time      `json:"scheduled_at"`
	StartedAt         *time.Time      `json:"started_at"`
	EndedAt           *time.Time      `json:"ended_at"`
	CancelRequestedAt *time.Time      `json:"cancel_requested_at"`
}

// readTold reads what a delivery's body is made of; nil when it was made before.
func readTold(text []byte) (*jobs.Told, error) {
	row, err := fromJSON[toldRow](text)
	if err != nil {
		return nil, fmt.Errorf("what is told: %w", err)
	}
	if row == nil {
		return nil, nil //nolint:nilnil // the body was made before
	}
	told := &jobs.Told{Data: given(row.Data), Output: given(row.Output), Large: row.Large}
	if t := row.Task; t != nil {
		told.Task = jobs.Task{
			ID: t.ID, Owner: t.Owner, Kind: t.Kind, State: t.State, Run: t.Run, Attempt: t.Attempt, Tries: t.Tries, MaxTries: t.MaxTries,
			Seq: t.Seq, Priority: t.Priority, Tags: t.Tags, Metadata: given(t.Metadata), RerunOf: t.RerunOf, Progress: t.Progress,
			Message: t.Message, Failure: t.Failure, Usage: t.Usage, CreatedAt: t.CreatedAt, ScheduledAt: t.ScheduledAt,
			StartedAt: t.StartedAt, EndedAt: t.EndedAt, CancelRequestedAt: t.CancelRequestedAt,
		}
	}
	return told, nil
}

// given is JSON that is not null.
func given(text json.RawMessage) json.RawMessage {
	if string(text) == "null" {
		return nil
	}
	return text
}
