package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// header is where a request and a task have the place in a trace to which they belong.
const header = "traceparent"

// FromHeader puts a context into the trace that a request belongs to. One that is not well-formed is none.
func FromHeader(ctx context.Context, h http.Header) context.Context {
	return Within(ctx, h.Get(header))
}

// Within puts a context into the trace of a traceparent. One that is empty or not well-formed changes nothing.
func Within(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{header: parent})
}

// Parent is the traceparent for what is begun in a context; empty when it is in no trace.
func Parent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get(header)
}
