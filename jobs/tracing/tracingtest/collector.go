// Package tracingtest has a stand-in for a collector of OpenTelemetry.
package tracingtest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is what a collector was told of one.
type Span struct {
	Service, Name     string
	Trace, ID, Parent string // in hex; a root's Parent is empty
	Attributes        map[string]string
	Failed            string // why; empty: it did not
}

// StandIn stands for a collector: it takes OTLP over HTTP, and keeps what it is told.
type StandIn struct {
	URL string

	t     testing.TB
	mu    sync.Mutex
	spans []Span
	heads []http.Header
	added chan struct{}
}

// New makes a StandIn that ends with the test.
func New(t testing.TB) *StandIn {
	t.Helper()
	s := &StandIn{t: t, added: make(chan struct{}, 1)}
	server := httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func (s *StandIn) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var told tracepb.TracesData
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || err != nil || proto.Unmarshal(body, &told) != nil {
		s.t.Errorf("no collector takes %s %s, %v", r.Method, r.URL, r.Header)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads = append(s.heads, r.Header)
	for _, resource := range told.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.spans = append(s.spans, spanOf(service, span))
			}
		}
	}
	select {
	case s.added <- struct{}{}:
	default:
	}
}

func spanOf(service string, told *tracepb.Span) Span {
	span := Span{
		Service: service, Name: told.GetName(), Attributes: map[string]string{}, Failed: told.GetStatus().GetMessage(),
		Trace: hex.EncodeToString(told.GetTraceId()), ID: hex.EncodeToString(told.GetSpanId()), Parent: hex.EncodeToString(told.GetParentSpanId()),
	}
	for _, a := range told.GetAttributes() {
		span.Attributes[a.GetKey()] = a.GetValue().String()
	}
	return span
}

// Spans waits until it was told of so many, and gives all of them.
func (s *StandIn) Spans(least int, patience time.Duration) []Span {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		spans := slices.Clone(s.spans)
		s.mu.Unlock()
		if len(spans) >= least {
			return spans
		}
		select {
		case <-s.added:
		case <-late.C:
			s.t.Fatalf("the collector was told of %d spans, not %d: %+v", len(spans), least, spans)
		}
	}
}

// Headers are those of all requests that it took.
func (s *StandIn) Headers() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heads)
}
