package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"freshet/jobs"
	"freshet/jobs/document"
	"freshet/jobs/redact"
)

// maxComplaints is how many bad lines are named.
const maxComplaints = 100

// report is what a command has said in its event file, or a route in its answer. A line that cannot be understood changes
// nothing; the task's log says which it was, and why.
type report struct {
	source  string // where the lines come from, for people
	spool   *spool
	printed *output // what was printed before an event is told before it
	secrets *redact.Redactor

	heard    time.Time // of the last sign of life
	progress progressData
	moved    bool // progress that no record holds yet

	output    json.RawMessage // the last one; nil when there was none
	badOutput string          // why the last one cannot be stored
	failure   *lineError      // the last one
	delay     time.Duration   // what it asks for as retryAfter

	lines      int
	complaints int
}

// progressData is the data of a task.progress.
type progressData struct {
	Progress int     `json:"progress"`
	Message  *string `json:"message,omitempty"`
}

// customData is the data of a task.custom.
type customData struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data,omitempty"`
}

// take reads one line.
func (r *report) take(text []byte) {
	r.heard = time.Now()
	r.lines++
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return
	}
	line, err := parseLine(text)
	if err != nil {
		r.refuse(text, err.Error())
		return
	}
	switch {
	case line.Event != nil:
		r.settle()
		r.append(jobs.TaskCustom, customData{r.secrets.String(*line.Event), r.secrets.JSON(line.Data)})
	case line.Output != nil:
		r.output, r.badOutput = json.RawMessage(line.Output), ""
	case line.Error != nil:
		r.failure = line.Error.without(r.secrets)
		if r.delay, err = r.failure.retryAfter(); err != nil {
			r.complain(text, err.Error())
		}
	case line.Alive == nil:
		r.move(line)
	}
}

// takeLong notes a line of which only the beginning was read, because it is longer than any may be.
func (r *report) takeLong(beginning []byte) {
	r.heard = time.Now()
	r.lines++
	r.refuse(bytes.TrimSpace(beginning), fmt.Sprintf("is longer than %d bytes", maxLine))
}

// refuse passes over a line. An output that is refused takes the place of the one before all the same:
// an older one would not be what the command meant to say.
func (r *report) refuse(text []byte, reason string) {
	if startsWith(text, "output") {
		r.output, r.badOutput = nil, "the output line "+reason
	}
	r.complain(text, reason)
}

// finish takes in an output that came as a whole, not as a line.
func (r *report) finish(output []byte) {
	if err := document.Check(output, document.Limits{}); err != nil {
		r.output, r.badOutput = nil, "the answer is no output: "+err.Error()
		return
	}
	r.output, r.badOutput = output, ""
}

// ended tells whether there is an output or an error: all that is needed of a last line.
func (r *report) ended() bool { return r.output != nil || r.badOutput != "" || r.failure != nil }

// startsWith tells whether a line is an object whose first key this is.
func startsWith(text []byte, key string) bool {
	rest, isObject := bytes.CutPrefix(text, []byte("{"))
	return isObject && bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte(`"`+key+`"`))
}

// complain says in the task's log what is wrong with the last line.
func (r *report) complain(text []byte, reason string) {
	const excerpt = 80
	r.complaints++
	switch {
	case r.complaints <= maxComplaints:
		line := clip(string(r.secrets.Bytes(text)), excerpt)
		r.spool.append(systemRecord(fmt.Sprintf("%s, line %d: %s, in %q", r.source, r.lines, reason, line)))
	case r.complaints == maxComplaints+1:
		r.spool.append(systemRecord(r.source + ": further bad lines are not named"))
	}
}

// move notes progress, which never goes back within an attempt.
func (r *report) move(line eventLine) {
	if line.Progress != nil {
		percent := int(math.Round(min(max(*line.Progress, 0), 100)))
		r.progress.Progress = max(r.progress.Progress, percent)
	}
	if line.Message != nil {
		message := clip(r.secrets.String(*line.Message), maxMessage)
		r.progress.Message = &message
	}
	r.moved = true
}

// settle makes a record of the last progress: a burst of lines becomes one.
func (r *report) settle() {
	if r.moved {
		r.append(jobs.TaskProgress, r.progress)
		r.moved, r.progress.Message = false, nil
	}
}

func (r *report) append(kind jobs.EventType, data any) {
	encoded, err := json.Marshal(data)
	if err != nil {
		r.spool.append(systemRecord(fmt.Sprintf("%s, line %d: %s", r.source, r.lines, err)))
		return
	}
	r.printed.cutWhole()
	r.spool.append(jobs.Record{At: time.Now(), Type: kind, Data: encoded})
}
