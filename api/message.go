package api

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// noticeView is the envelope of a message that is no event of a task.
type noticeView struct {
	Type jobs.EventType  `json:"type"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

// Message makes the body of a webhook: the envelope of an event, with the task as it was then.
func (f *Feed) Message(sending jobs.Sending) ([]byte, error) {
	told := sending.Told
	if sending.TaskID == uuid.Nil {
		return json.Marshal(noticeView{sending.Type, sending.At.UTC(), told.Data})
	}
	view := f.brief(told.Task)
	view.Output = told.Output
	if told.Large {
		view.OutputURL = view.Links.Self
	}
	row, err := json.Marshal(view)
	if err != nil {
		return nil, err
	}
	envelope, err := viewEvent(jobs.Event{
		TaskID: sending.TaskID, Seq: sending.Seq, Attempt: sending.Attempt, At: sending.At, Type: sending.Type, Data: told.Data,
	}, row)
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope)
}
