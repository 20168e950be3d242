package fly

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Error is a refusal of the Machines API.
type Error struct {
	Action    string // what was asked for
	Status    int    // of HTTP
	Code      string // Fly's own, such as insufficient_capacity; often empty
	Message   string
	RequestID string // what Fly's support asks for
}

func (e *Error) Error() string {
	text := fmt.Sprintf("fly: %s: %d", e.Action, e.Status)
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			text += ": " + part
		}
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// passing tells whether the same request may have another answer later. What is no answer of the API's is a
// connection that broke.
func passing(err error) bool {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return true
	}
	return refusal.Status == http.StatusRequestTimeout || refusal.Status == http.StatusTooManyRequests || refusal.Status >= 500
}

func is(err error, statuses ...int) bool {
	var refusal *Error
	if errors.As(err, &refusal) {
		for _, status := range statuses {
			if refusal.Status == status {
				return true
			}
		}
	}
	return false
}

// full tells whether there is no room: of the region by its code, of the host by what a conflict says.
func full(err error) bool {
	var refusal *Error
	switch {
	case !errors.As(err, &refusal):
		return false
	case refusal.Code != "":
		return refusal.Code == "insufficient_capacity"
	default:
		return refusal.Status == http.StatusConflict &&
			(strings.Contains(refusal.Message, "insufficient ") || strings.Contains(refusal.Message, "no capacity"))
	}
}
