package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// Problem is the server's refusal of a request: an RFC 9457 document.
type Problem struct {
	Status    int     `json:"status"`
	Title     string  `json:"title"`
	Code      string  `json:"code"` // one word; empty when the answer was no problem document
	Detail    string  `json:"detail"`
	RequestID string  `json:"requestId"`
	Errors    []Fault `json:"errors"`
}

// Fault is one place in a request that is wrong.
type Fault struct {
	Pointer string `json:"pointer"` // JSON pointer into the request's body
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *Problem) Error() string {
	var text strings.Builder
	switch {
	case p.Detail != "":
		text.WriteString(p.Detail)
	case p.Title != "":
		text.WriteString(p.Title)
	default:
		fmt.Fprintf(&text, "the server answered %d %s", p.Status, http.StatusText(p.Status))
	}
	for _, fault := range p.Errors {
		text.WriteString("\n  ")
		if fault.Pointer != "" {
			text.WriteString(fault.Pointer + " ")
		}
		text.WriteString(fault.Message)
	}
	if p.Status >= http.StatusInternalServerError && p.RequestID != "" {
		fmt.Fprintf(&text, " (request %s)", p.RequestID)
	}
	return text.String()
}

// problem reads a refusal. Answers of proxies and other servers have their status alone.
func problem(response *http.Response, body []byte) error {
	refused := &Problem{}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" || json.Unmarshal(body, refused) != nil {
		refused = &Problem{}
	}
	refused.Status = response.StatusCode
	if location := response.Header.Get("Location"); location != "" && response.StatusCode < http.StatusBadRequest {
		refused.Detail = fmt.Sprintf("the server is elsewhere: %s sends on to %s", response.Request.URL.Host, location)
	}
	return refused
}

// Temporary tells whether the same request may succeed a little later: the server is away, starts or
// is overloaded.
func Temporary(err error) bool {
	var away *Unreachable
	var refused *Problem
	switch {
	case errors.As(err, &away):
		return true
	case errors.As(err, &refused):
		return refused.Status >= http.StatusInternalServerError || refused.Status == http.StatusTooManyRequests
	default:
		return false
	}
}
