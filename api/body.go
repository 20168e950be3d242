package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"freshet/jobs/document"
)

// maxDepth of a body leaves room for an input as deep as inputs may be.
const maxDepth = document.DefaultMaxDepth + 4

// bodySize is how much a body may have.
type bodySize int

const (
	usualBody bodySize = iota // Limits.Body
	batchBody                 // Limits.Batch
	smallBody                 // maxForm: anybody may send it
)

func (l Limits) bytes(size bodySize) int64 {
	switch size {
	case batchBody:
		return l.Batch
	case smallBody:
		return maxForm
	default:
		return l.Body
	}
}

// readBody reads the JSON body that guard has taken, strictly. An empty body is the zero value if that may be.
func readBody[T any](ctx context.Context) (T, error) {
	var value T
	c := callOf(ctx)
	raw := c.body
	if c.bodyOptional && len(raw) == 0 {
		return value, nil
	}
	if err := document.Check(raw, document.Limits{MaxBytes: len(raw), MaxDepth: maxDepth}); err != nil {
		return value, unreadable(err)
	}
	if err := json.Unmarshal(raw, &value, json.RejectUnknownMembers(true)); err != nil {
		return value, misfit(raw, new(T), err)
	}
	return value, nil
}

// read reads the text of the body, at most limit bytes within the given time.
func (c *call) read(limit int64, within time.Duration) ([]byte, error) {
	if err := checkMedia(c.request.Header); err != nil {
		return nil, err
	}
	connection := http.NewResponseController(c.writer)
	_ = connection.SetReadDeadline(time.Now().Add(within)) // not every connection has one: a test's has not
	var text bytes.Buffer
	if known := c.request.ContentLength; known > 0 && known <= limit {
		text.Grow(int(known) + bytes.MinRead)
	}
	_, err := text.ReadFrom(http.MaxBytesReader(c.writer, c.request.Body, limit))
	if err == nil {
		_ = connection.SetReadDeadline(time.Time{})
		return text.Bytes(), nil
	}
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return nil, newProblem(codeTooLarge, fmt.Sprintf("The body is longer than %d bytes.", limit))
	case errors.As(err, &network) && network.Timeout():
		return nil, newProblem(codeBodyTimeout, "").with("Connection", "close")
	default:
		return nil, newProblem(codeInvalidBody, "The body ended early.").with("Connection", "close")
	}
}

// checkMedia refuses forms, and compressed bodies, which could grow without end.
func checkMedia(header http.Header) error {
	if encoding := header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return newProblem(codeUnsupportedMedia, "The body is compressed. Send it as it is.")
	}
	text := header.Get("Content-Type")
	if text == "" {
		return nil
	}
	if name, _, err := mime.ParseMediaType(text); err != nil || name != jsonType {
		return newProblem(codeUnsupportedMedia, "The body must be JSON: Content-Type: application/json.")
	}
	return nil
}

// unreadable explains why a text is refused.
func unreadable(err error) *problem {
	var wrong *document.Error
	if !errors.As(err, &wrong) {
		return newProblem(codeInvalidBody, err.Error())
	}
	if wrong.Code == document.TooLarge {
		return newProblem(codeTooLarge, "The body "+wrong.Message+".")
	}
	return newProblem(codeInvalidBody, "", fault{wrong.Pointer, string(wrong.Code), wrong.Message})
}

// misfit explains why sound JSON does not fit a type. document.Strict explains best, but has a limit of
// its own, so it is only asked after the fact.
func misfit(raw []byte, into any, err error) *problem {
	var wrong *document.Error
	if errors.As(document.Strict(raw, into), &wrong) && wrong.Code != document.TooLarge {
		return unreadable(wrong)
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return newProblem(codeInvalidBody, "")
	}
	return newProblem(codeInvalidBody, "", fault{string(semantic.JSONPointer), string(document.WrongType), "does not fit"})
}

// setGiven changes a field that a request names.
func setGiven[T any](field, given *T) {
	if given != nil {
		*field = *given
	}
}
