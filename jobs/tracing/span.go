package tracing

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Role is what a span is to the one that it belongs to.
type Role trace.SpanKind

// The roles of spans.
const (
	Serves   = Role(trace.SpanKindServer)   // answers who asked, and is waited for
	Produces = Role(trace.SpanKindProducer) // leaves work for later
	Consumes = Role(trace.SpanKindConsumer) // does what was left
	Calls    = Role(trace.SpanKindClient)   // has another program do it
)

// Span is one piece of work. Its zero value is none.
type Span struct{ span trace.Span }

// Start begins a span within what the context belongs to; the new context is the span's.
func (t *Tracer) Start(ctx context.Context, role Role, name string, attributes ...Attribute) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKind(role)), trace.WithAttributes(attributes...))
	return ctx, Span{span}
}

// Rename gives the span a name that is only known now.
func (s Span) Rename(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Set adds to what is told of the span.
func (s Span) Set(attributes ...Attribute) {
	if s.span != nil {
		s.span.SetAttributes(attributes...)
	}
}

// Fail says that the work failed, and why in one word; empty: it did not.
func (s Span) Fail(why string) {
	if s.span != nil && why != "" {
		s.span.SetStatus(codes.Error, why)
	}
}

// End says that the work is over.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}
