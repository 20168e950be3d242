package cloudrun

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxRefusal bounds what is read of an error's body, in bytes.
const maxRefusal = 64 << 10

// Error is an answer of the API that is not success.
type Error struct {
	Status  int    // of HTTP
	Code    string // of google.rpc.Code, such as RESOURCE_EXHAUSTED; empty if the body is not the API's
	Message string
	After   time.Duration // before which it is not to be asked again; zero if it does not say
}

func (e *Error) Error() string {
	return fmt.Sprintf("Cloud Run answers %d %s: %s", e.Status, e.Code, e.Message)
}

// readError reads an answer that is not success.
func readError(answer *http.Response) *Error {
	var body struct {
		Error struct {
			Message string `json:"message"`
			Status  string `json:"status"`
		} `json:"error"`
	}
	e := &Error{Status: answer.StatusCode}
	if text, err := io.ReadAll(io.LimitReader(answer.Body, maxRefusal)); err == nil && json.Unmarshal(text, &body) == nil {
		e.Code, e.Message = body.Error.Status, body.Error.Message
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.After = time.Duration(seconds) * time.Second
	}
	return e
}

// fate is what became of a request that was not answered with success.
type fate int

const (
	unclear fate = iota // it was carried out, or not
	later               // it was not carried out, and may be if it is made again
	refused             // it was not carried out, and will not be
)

// laterError is an error that means no more than that it is too early.
type laterError struct{ error }

func (e laterError) Unwrap() error { return e.error }

func fateOf(err error) fate {
	if _, early := errors.AsType[laterError](err); early {
		return later
	}
	answer, answered := errors.AsType[*Error](err)
	switch {
	case !answered, answer.Status >= 500, answer.Status == http.StatusRequestTimeout:
		return unclear
	case answer.Status == http.StatusTooManyRequests, answer.Code == "ABORTED":
		return later
	default:
		return refused
	}
}

// hasStatus tells whether err is an answer of this status of HTTP.
func hasStatus(err error, status int) bool {
	answer, answered := errors.AsType[*Error](err)
	return answered && answer.Status == status
}

// hasCode tells whether err is an answer of this code of google.rpc.Code.
func hasCode(err error, code string) bool {
	answer, answered := errors.AsType[*Error](err)
	return answered && answer.Code == code
}

// retryAfter is how long err says to wait.
func retryAfter(err error) time.Duration {
	if answer, answered := errors.AsType[*Error](err); answered {
		return answer.After
	}
	return 0
}
