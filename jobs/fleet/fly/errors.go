package fly

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
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
	said := []string{"fly", e.Action, strconv.Itoa(e.Status), e.Code, e.Message}
	text := strings.Join(slices.DeleteFunc(said, func(part string) bool { return part == "" }), ": ")
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// passing tells whether the same request may have another answer later. What is no answer of the API's is a
// connection that broke.
func passing(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return true
	}
	return refusal.Status == http.StatusRequestTimeout || refusal.Status == http.StatusTooManyRequests || refusal.Status >= 500
}

func is(err error, statuses ...int) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && slices.Contains(statuses, refusal.Status)
}

// full tells whether there is no room: of the region by its code, of the host by what a conflict says.
func full(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return false
	case refusal.Code != "":
		return refusal.Code == "insufficient_capacity"
	default:
		return refusal.Status == http.StatusConflict &&
			(strings.Contains(refusal.Message, "insufficient ") || strings.Contains(refusal.Message, "no capacity"))
	}
}
