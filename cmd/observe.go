package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"freshet/config"
	"freshet/jobs/kind"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
	"freshet/jobs/supervisor"
	"freshet/jobs/tracing"
)

// otlpHeadersVariable holds what the collector wants, such as a key: NAME=VALUE,NAME=VALUE, the values escaped
// as in a URL. It is OpenTelemetry's own.
const otlpHeadersVariable = "OTEL_EXPORTER_OTLP_HEADERS"

// tracer makes what freshet.yaml or FRESHET_OTLP asks for; nil when there is nobody to be told of traces.
func (a *app) tracer(ctx context.Context, settings *config.Config, service string) (*tracing.Tracer, error) {
	address, err := kind.Resolve(settings.Server.Telemetry.OTLP, a.Lookup)
	if err != nil {
		return nil, &exitError{exitConfig, fmt.Errorf("%s: server.telemetry.otlp: %w", settings.Path, err)}
	}
	if address == "" {
		return nil, nil //nolint:nilnil // a nil Tracer makes no spans
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "" || parsed.RawQuery != "" || parsed.User != nil {
		return nil, &exitError{exitConfig, errors.New("FRESHET_OTLP, or server.telemetry.otlp, must be an http or https address such as http://127.0.0.1:4318")}
	}
	return tracing.New(ctx, tracing.Options{
		Collector: address, Headers: otlpHeaders(a.env(otlpHeadersVariable)), Service: service, Version: a.Version, Logger: a.logger,
	})
}

// otlpHeaders are the headers of such a variable. What is not one is left out.
func otlpHeaders(text string) map[string]string {
	headers := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		name, escaped, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(escaped))
		if name = strings.TrimSpace(name); found && name != "" && err == nil {
			headers[name] = value
		}
	}
	return headers
}

// observed is what a worker tells of itself, besides its log.
type observed struct {
	metrics *metrics.Worker // nil: nothing is counted
	tracer  *tracing.Tracer // nil: no spans are made
	parts   []supervisor.Part
}

func (a *app) observed(ctx context.Context, place *workplace, store *postgres.Store, address string) (*observed, error) {
	tracer, err := a.tracer(ctx, place.settings, "freshet-worker")
	if err != nil {
		return nil, err
	}
	o := &observed{tracer: tracer, parts: []supervisor.Part{{Name: "traces", Run: tracer.Run}}}
	if address == "" {
		return o, nil
	}
	o.metrics = metrics.NewWorker(a.Version, place.pool.Name, place.pool.Slots, store.Connections)
	part, err := a.metricsPart(ctx, address, o.metrics.Serve)
	if err != nil {
		return nil, err
	}
	o.parts = append(o.parts, part)
	return o, nil
}

// metricsPart opens a port that metrics are shown at.
func (a *app) metricsPart(ctx context.Context, address string, serve func(context.Context, net.Listener, *slog.Logger) error) (supervisor.Part, error) {
	socket, err := listen(ctx, address)
	if err != nil {
		return supervisor.Part{}, err
	}
	a.logger.Info("metrics are shown to whoever asks", "address", socket.Addr().String())
	return supervisor.Part{Name: "metrics", Run: func(ctx context.Context) error { return serve(ctx, socket, a.logger) }}, nil
}
