package builtin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// devtools speaks Chromium's DevTools protocol over its pipe: JSON messages in both directions, each
// ended by a NUL. It serves one caller, which waits for each answer.
type devtools struct {
	to      io.Writer
	from    *bufio.Reader
	session string          // of the page; empty: the browser itself
	last    int             // id of the last call
	notice  func(m message) // told of every event that comes by
}

// message is a call, its answer, or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// call sends a command and reads its answer into result, unless that is nil.
func (d *devtools) call(method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	d.last++
	request, err := json.Marshal(message{ID: d.last, Session: d.session, Method: method, Params: raw})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if _, err := d.to.Write(append(request, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	answer, err := d.answer()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s", method, answer.Error.Message)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// answer reads up to the answer of the last call.
func (d *devtools) answer() (message, error) {
	for {
		if m, err := d.next(); err != nil || m.ID == d.last {
			return m, err
		}
	}
}

// next reads one message. It gives an event to notice.
func (d *devtools) next() (message, error) {
	var m message
	raw, err := d.from.ReadBytes(0)
	if err != nil {
		return m, fmt.Errorf("read from the browser: %w", err)
	}
	if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
		return m, fmt.Errorf("read from the browser: %w", err)
	}
	switch m.Method {
	case "":
	case "Inspector.targetCrashed":
		return m, errors.New("the page crashed the browser")
	default:
		d.notice(m)
	}
	return m, nil
}
