package tracing

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names the spans of Freshet among those of all else.
const scope = "freshet"

// flushTime is what the last spans may take when the process stops.
const flushTime = 3 * time.Second

// Options say who tells of spans, and whom.
type Options struct {
	Collector string            // the address of an OTLP/HTTP receiver, to which /v1/traces is added
	Headers   map[string]string // that the collector wants
	Service   string            // service.name, such as freshet-api
	Version   string            // service.version
	Logger    *slog.Logger
}

// Tracer makes spans.
type Tracer struct {
	tracer   trace.Tracer
	provider *sdk.TracerProvider
}

// New makes a Tracer. Nothing is dialled yet. Which traces are kept is decided by who began them, and for those
// that begin here by OTEL_TRACES_SAMPLER, which the SDK reads: all of them, if it is not set.
func New(ctx context.Context, options Options) (*Tracer, error) {
	exporter, err := otlptrace.New(ctx, newUplink(options))
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(&patient{exporter, options.Logger}),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", options.Service), attribute.String("service.version", options.Version),
		)))
	return &Tracer{provider.Tracer(scope), provider}, nil
}

// Run sends spans until ctx ends, and then those that are left.
func (t *Tracer) Run(ctx context.Context) error {
	<-ctx.Done()
	if t == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	_ = t.provider.Shutdown(limited) // what was not sent is logged
	return nil
}

// patient logs what could not be sent, and drops it: the SDK would tell a global of its own.
type patient struct {
	sdk.SpanExporter

	logger *slog.Logger
}

// ExportSpans never fails.
func (p *patient) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := p.SpanExporter.ExportSpans(ctx, spans); err != nil {
		p.logger.Warn("spans were not taken by the collector", "spans", len(spans), "error", err)
	}
	return nil
}
