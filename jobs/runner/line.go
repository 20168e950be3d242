package runner

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"freshet/jobs/document"
	"freshet/jobs/redact"
)

// eventLine is one line of an event file. It has one of these shapes:
//
//	{"progress": 45, "message": "rendering"}     either of the two may be missing
//	{"event": "chapter", "data": {…}}            data may be missing
//	{"output": {…}}                              the last one wins
//	{"alive": true}                              nothing but a sign of life
//	{"error": {"message": "…", "code": "…", "detail": "…", "retry": false, "retryAfter": "30s"}}
type eventLine struct {
	Progress *float64       `json:"progress"`
	Message  *string        `json:"message"`
	Event    *string        `json:"event"`
	Data     jsontext.Value `json:"data"`
	Output   jsontext.Value `json:"output"`
	Alive    *bool          `json:"alive"`
	Error    *lineError     `json:"error"`
}

// lineError is what a command says of its own failure.
type lineError struct {
	Message    string `json:"message"`
	Code       string `json:"code"`
	Detail     string `json:"detail"`
	Retry      *bool  `json:"retry"`
	RetryAfter string `json:"retryAfter"`
}

const (
	maxLine       = document.DefaultMaxBytes // of a line with an output or an error
	maxShortLine  = 64 << 10                 // of any other
	maxEventName  = 100
	maxMessage    = 1 << 10
	maxRetryAfter = 24 * time.Hour
)

var errShape = errors.New("must have exactly one of progress (or message), event, output, alive, error")

// parseLine reads a line strictly. The error says what is wrong with it.
func parseLine(text []byte) (eventLine, error) {
	var line eventLine
	if err := document.Strict(text, &line); err != nil {
		return line, err
	}
	shapes := 0
	for _, is := range []bool{
		line.Progress != nil || line.Message != nil,
		line.Event != nil, line.Output != nil, line.Alive != nil, line.Error != nil,
	} {
		if is {
			shapes++
		}
	}
	switch {
	case shapes != 1 || line.Data != nil && line.Event == nil:
		return line, errShape
	case line.Output == nil && line.Error == nil && len(text) > maxShortLine:
		return line, fmt.Errorf("is longer than %d bytes", maxShortLine)
	case line.Event != nil && (*line.Event == "" || len(*line.Event) > maxEventName):
		return line, fmt.Errorf("/event must have 1 to %d bytes", maxEventName)
	}
	return line, nil
}

// without is the error without secrets, which must go before anything is clipped: a half is one, too.
func (e lineError) without(secrets *redact.Redactor) *lineError {
	for _, text := range []*string{&e.Message, &e.Code, &e.Detail, &e.RetryAfter} {
		*text = secrets.String(*text)
	}
	return &e
}

// retryAfter is the delay that the command asks for, at most a day; zero when it does not.
func (e lineError) retryAfter() (time.Duration, error) {
	if e.RetryAfter == "" {
		return 0, nil
	}
	delay, err := time.ParseDuration(e.RetryAfter)
	if err != nil {
		return 0, fmt.Errorf(`/error/retryAfter must be a duration such as "30s", not %q`, clip(e.RetryAfter, maxMessage))
	}
	return min(max(delay, 0), maxRetryAfter), nil
}

// clip shortens text to at most so many bytes, at a character's start.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
