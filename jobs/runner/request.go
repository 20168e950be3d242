package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/kind"
)

// What a route may answer with.
const (
	typeJSON  = "application/json"
	typeLines = "application/x-ndjson"
)

const (
	connectTimeout = 10 * time.Second // to connect, and again for TLS
	maxHeader      = 64 << 10         // bytes of an answer's header
)

var errNoSecret = errors.New("the worker has no FRESHET_WEBHOOK_SECRET to sign the request with")

// assignment is the body of a request to a route: what a command finds in its environment.
type assignment struct {
	TaskID  uuid.UUID       `json:"taskId"`
	Kind    string          `json:"kind"`
	Attempt int             `json:"attempt"`
	Owner   string          `json:"owner"`
	Input   json.RawMessage `json:"input"`
}

// request makes the signed request of the attempt.
func (a *attempt) request(ctx context.Context) (*http.Request, error) {
	if !a.host.Secrets.Known() {
		return nil, errNoSecret
	}
	address, err := kind.Address(a.kind.HTTP.URL, a.host.lookup)
	if err != nil {
		return nil, fmt.Errorf("http.url of kind %s: %w", a.kind.Name, err)
	}
	input := a.claim.Input
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	body, err := json.Marshal(assignment{a.claim.TaskID, a.claim.Kind, a.claim.Attempt, a.claim.Owner, input})
	if err != nil {
		return nil, fmt.Errorf("write request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", typeJSON)
	request.Header.Set("Accept", typeLines+", "+typeJSON)
	request.Header.Set("Accept-Encoding", "identity") // without it a server may compress
	request.Header.Set("User-Agent", "freshet/"+a.host.Version)
	if a.trace != "" {
		request.Header.Set("Traceparent", a.trace)
	}
	// The id is the attempt's own, so that a route can tell an attempt that it has seen.
	a.host.Secrets.Sign(request.Header, fmt.Sprintf("%s-%d", a.claim.TaskID, a.claim.Attempt), time.Now(), body)
	return request, nil
}

// unreachableError is a route to which no connection could be made.
type unreachableError struct{ err error }

func (e unreachableError) Error() string { return "the route cannot be reached: " + e.err.Error() }
func (e unreachableError) Unwrap() error { return e.err }

// newTransport makes connections for one request: a connection that is nobody else's can be closed at
// any time, and was never closed by the other side before. Proxies of the environment are not for it.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}
