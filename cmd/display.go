package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"freshet/cmd/client"
	"freshet/jobs"
)

const barWidth = 24

// display shows a task as it goes on: its output, what happens to it, and how far it is; on a terminal
// the last in a bar, elsewhere as lines.
type display struct {
	scroll

	raw      bool            // control characters of output pass
	reason   jobs.WaitReason // why it waits, as was shown last
	progress int
	message  string
}

func (a *app) newDisplay(raw bool) *display {
	return &display{scroll: scroll{w: a.Stderr, live: a.isTerminal(a.Stderr)}, raw: raw}
}

// watch is what the display must be told.
func (d *display) watch() client.Watch {
	return client.Watch{
		Events: true, Logs: true, Task: d.task, Trouble: d.trouble,
		Entry: func(entry client.Answer[client.Event]) error { return d.entry(entry.Value) },
	}
}

// glance is what a display without output and events must be told.
func (d *display) glance() client.Watch {
	return client.Watch{
		Events: true, Task: d.whole, Trouble: d.trouble,
		Entry: func(entry client.Answer[client.Event]) error {
			if entry.Value.Type != jobs.TaskProgress {
				return nil
			}
			return d.advance(entry.Value)
		},
	}
}

// task shows what no event tells: why the task waits.
func (d *display) task(task client.Task) {
	var reason jobs.WaitReason
	if task.Wait != nil {
		reason = task.Wait.Reason
	}
	if !d.live && reason != d.reason && reason != "" && reason != jobs.WaitQueued {
		d.note("waiting " + waitText(task.Wait))
	}
	d.reason = reason
	if task.Wait != nil {
		_ = d.show(line("waiting "+waitText(task.Wait), longestLine)) // who cannot write learns it from the next entry
		return
	}
	_ = d.show(d.step())
}

// whole shows a task with how far it is, where not all events are told.
func (d *display) whole(task client.Task) {
	d.progress, d.message = task.Progress, task.Message
	d.task(task)
}

// entry shows one thing that happened.
func (d *display) entry(event client.Event) error {
	switch event.Type {
	case jobs.TaskLog:
		return d.output(event)
	case jobs.TaskProgress:
		return d.advance(event)
	default:
		if event.Type == jobs.TaskStarted {
			d.progress, d.message = 0, ""
		}
		text, err := eventText(event)
		if err == nil && text != "" {
			d.note(text)
		}
		return err
	}
}

func (d *display) output(event client.Event) error {
	var output client.Output
	if err := json.Unmarshal(event.Data, &output); err != nil {
		return fmt.Errorf("read output: %w", err)
	}
	if d.live && !d.raw {
		output.Text = visible(output.Text)
	}
	return d.piece(output.Stream, output.Text)
}

func (d *display) advance(event client.Event) error {
	step := struct {
		Progress *int    `json:"progress"`
		Message  *string `json:"message"`
	}{&d.progress, &d.message}
	if err := json.Unmarshal(event.Data, &step); err != nil {
		return fmt.Errorf("read progress: %w", err)
	}
	if d.live {
		return d.show(d.step())
	}
	return d.line(d.step())
}

// trouble tells that the server is away, and that it is back.
func (d *display) trouble(err error) {
	if err != nil {
		d.note("the server is away, trying again: " + err.Error())
		return
	}
	d.note("the server is back")
}

// note is a line that is ours and not the task's.
func (d *display) note(text string) { _ = d.line("freshet: " + line(text, longestLine)) }

// step is how far the task is.
func (d *display) step() string {
	done := min(max(d.progress, 0), 100) * barWidth / 100
	text := fmt.Sprintf("%3d%% %s", d.progress, line(d.message, longestLine))
	if d.live {
		text = "[" + strings.Repeat("#", done) + strings.Repeat("-", barWidth-done) + "] " + text
	}
	return strings.TrimRight(text, " ")
}

// eventText says in one line what happened; empty for what is shown in another way.
func eventText(event client.Event) (string, error) {
	var data struct {
		Name  string          `json:"name"`
		Data  json.RawMessage `json:"data"`
		Error *jobs.Failure   `json:"error"`
		Next  int             `json:"nextAttempt"`
		DueAt time.Time       `json:"dueAt"`
	}
	if event.Data != nil {
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return "", fmt.Errorf("read event %d: %w", event.Seq, err)
		}
	}
	switch event.Type {
	case jobs.TaskStarted:
		return fmt.Sprintf("attempt %d runs", event.Attempt), nil
	case jobs.TaskRetrying:
		return fmt.Sprintf("attempt %d failed%s; attempt %d follows at %s",
			event.Attempt, because(data.Error), data.Next, data.DueAt.Local().Format(time.TimeOnly)), nil
	case jobs.TaskInterrupted:
		return fmt.Sprintf("attempt %d was interrupted; attempt %d follows", event.Attempt, data.Next), nil
	case jobs.TaskCancelRequested:
		return "cancel requested", nil
	case jobs.TaskCustom:
		return fmt.Sprintf("%s %s", data.Name, data.Data), nil
	default:
		return "", nil
	}
}

// because is why something failed, as the end of a sentence.
func because(failure *jobs.Failure) string {
	if failure == nil {
		return ""
	}
	return fmt.Sprintf(" (%s): %s", failure.Code, failure.Message)
}

// waitText says what a task waits for.
func waitText(wait *jobs.Wait) string {
	until := ""
	if wait.Until != nil {
		until = " until " + moment(*wait.Until)
	}
	switch wait.Reason {
	case jobs.WaitQueued:
		return "for a free slot"
	case jobs.WaitScheduled:
		return "for its time," + until
	case jobs.WaitBackoff:
		return "after a failure," + until
	case jobs.WaitPaused:
		return "because its kind or its pool is paused"
	case jobs.WaitStarting:
		return "for a worker that is being started"
	case jobs.WaitNoWorker:
		return "for a worker that has its kind"
	default:
		return string(wait.Reason) + until
	}
}
