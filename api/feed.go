package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/realtime"
)

// feedPiece is how many entries are read at once: with 32 KiB in a chunk of output, 2 MiB at most.
const feedPiece = 64

// Feed reads what happened to tasks, for the Hub and for streams, and makes the frames that are sent,
// once for all of them.
type Feed struct {
	addresses

	store *postgres.Store
}

// NewFeed makes a Feed whose links begin with the address where users reach the API.
func NewFeed(store *postgres.Store, publicURL string) *Feed {
	return &Feed{newAddresses(publicURL), store}
}

// Read makes frames of what is asked for.
func (f *Feed) Read(ctx context.Context, asks []realtime.Ask) ([]realtime.Batch, error) {
	ids, afters, logs := make([]uuid.UUID, len(asks)), make([]int64, len(asks)), make([]bool, len(asks))
	for i, ask := range asks {
		ids[i], afters[i], logs[i] = ask.Task, ask.After, ask.Logs
	}
	limit := max(1, feedPiece/max(1, len(asks)))
	tasks, entries, err := f.store.Entries(ctx, ids, afters, logs, limit)
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]jobs.Task, len(tasks))
	for _, task := range tasks {
		found[task.ID] = task
	}
	batches := make([]realtime.Batch, len(asks))
	for i, ask := range asks {
		task, exists := found[ask.Task]
		if !exists {
			batches[i].Gone = true
			continue
		}
		if batches[i], err = f.batch(task, ask.After, entries[ask.Task], limit); err != nil {
			return nil, fmt.Errorf("compose task %s: %w", task.ID, err)
		}
	}
	return batches, nil
}

func (f *Feed) batch(task jobs.Task, after int64, entries []jobs.Entry, limit int) (realtime.Batch, error) {
	batch := realtime.Batch{UpTo: max(task.Seq, after), More: len(entries) == limit, Ended: task.State.Ended()}
	row, err := json.Marshal(f.brief(task))
	if err != nil {
		return batch, err
	}
	batch.Entries = make([]realtime.Entry, len(entries))
	for i, entry := range entries {
		frame, err := frameOf(entry, row)
		if err != nil {
			return batch, err
		}
		batch.Entries[i] = realtime.Entry{Seq: entry.Seq, Log: entry.Type == jobs.TaskLog, Frame: frame}
	}
	if batch.More {
		batch.UpTo, batch.Ended = entries[limit-1].Seq, false
	}
	return batch, nil
}

// Seqs reads the present seq of each task.
func (f *Feed) Seqs(ctx context.Context, tasks []uuid.UUID) (map[uuid.UUID]int64, error) {
	return f.store.Seqs(ctx, tasks)
}

// Heads makes frames of tasks that changed. They have no ids, since such a stream cannot be resumed.
func (f *Feed) Heads(ctx context.Context, ids []uuid.UUID, afters []int64) ([]realtime.Head, error) {
	tasks, events, err := f.store.Heads(ctx, ids, afters)
	if err != nil {
		return nil, err
	}
	heads := make([]realtime.Head, len(tasks))
	for i, task := range tasks {
		if heads[i], err = f.head(task, events[task.ID]); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

func (f *Feed) head(task jobs.Task, events []jobs.Event) (realtime.Head, error) {
	head := realtime.Head{Task: task.ID, Owner: task.Owner, Kind: task.Kind, Tags: task.Tags, Seq: task.Seq, Ended: task.State.Ended()}
	view := f.brief(task)
	row, err := json.Marshal(view)
	if err == nil {
		head.Snapshot, err = snapshotFrame(view)
	}
	for _, event := range events {
		if err != nil {
			break
		}
		var told eventView
		if told, err = viewEvent(event, row); err == nil {
			var text []byte
			text, err = frame(0, string(event.Type), told)
			head.Events = append(head.Events, text)
		}
	}
	if err != nil {
		return head, fmt.Errorf("compose task %s: %w", task.ID, err)
	}
	return head, nil
}

// snapshotFrame is the frame of a task as it is.
func snapshotFrame(task taskView) ([]byte, error) {
	type data struct {
		Task taskView `json:"task"`
	}
	return frame(0, "task.snapshot", struct {
		Type   string    `json:"type"`
		TaskID uuid.UUID `json:"taskId"`
		Seq    int64     `json:"seq"`
		At     time.Time `json:"at"`
		Data   data      `json:"data"`
	}{"task.snapshot", task.ID, task.Seq, time.Now().UTC(), data{task}})
}

// logData is the data of a task.log.
type logData struct {
	Stream  string `json:"stream"`
	Text    string `json:"text"`
	Partial bool   `json:"partial"`
}

// frameOf makes the SSE frame of an entry.
func frameOf(entry jobs.Entry, task json.RawMessage) ([]byte, error) {
	if entry.Type == jobs.TaskLog {
		text := string(bytes.ToValidUTF8(entry.Bytes, []byte("\uFFFD")))
		data, err := json.Marshal(logData{entry.Stream.String(), text, entry.Partial})
		if err != nil {
			return nil, fmt.Errorf("compose entry %d: %w", entry.Seq, err)
		}
		entry.Data = data
	}
	view, err := viewEvent(entry.Event, task)
	if err != nil {
		return nil, err
	}
	return frame(entry.Seq, string(entry.Type), view)
}

// frame is one event of a stream, in the form of the HTML standard, section 9.2.6. JSON has no line
// breaks of its own, so nothing in the data can begin another field. A zero id is left out: the
// reader's Last-Event-ID stays what it is.
func frame(id int64, event string, data any) ([]byte, error) {
	encoded, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("compose %s: %w", event, err)
	}
	if id == 0 {
		return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, encoded), nil
	}
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", id, event, encoded), nil
}
