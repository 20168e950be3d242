package tracing_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/jobs/tracing"
	"freshet/jobs/tracing/tracingtest"
)

const (
	patience = 20 * time.Second
	given    = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTracer(t *testing.T, address string, logger *slog.Logger) *tracing.Tracer {
	t.Helper()
	tracer, err := tracing.New(t.Context(), tracing.Options{
		Collector: address, Headers: map[string]string{"X-Key": "of the collector"}, Service: "tested", Version: "1", Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// stop has a tracer send what is left.
func stop(t *testing.T, tracer *tracing.Tracer) {
	t.Helper()
	ended, end := context.WithCancel(t.Context())
	end()
	if err := tracer.Run(ended); err != nil {
		t.Fatal(err)
	}
}

func TestSpansReachAStandInForACollector(t *testing.T) {
	t.Parallel()
	collector := tracingtest.New(t)
	tracer := newTracer(t, collector.URL+"/", slog.New(slog.DiscardHandler))
	ctx, outer := tracer.Start(tracing.Within(t.Context(), given), tracing.Serves, "first")
	ctx, inner := tracer.Start(ctx, tracing.Produces, "second", tracing.Text(tracing.Kind, "report"))
	parent := tracing.Parent(ctx)
	inner.Fail("exit")
	inner.End()
	outer.Rename("renamed")
	outer.End()
	stop(t, tracer)

	spans := collector.Spans(2, patience)
	second, first := spans[0], spans[1]
	if first.Name != "renamed" || second.Name != "second" || first.Service != "tested" {
		t.Fatalf("spans %+v", spans)
	}
	trace := strings.Split(given, "-")
	if first.Trace != trace[1] || first.Parent != trace[2] || second.Trace != trace[1] || second.Parent != first.ID {
		t.Errorf("the spans do not hang together: %+v", spans)
	}
	if want := "00-" + second.Trace + "-" + second.ID + "-01"; parent != want {
		t.Errorf("what is begun in the second belongs to %s, want %s", parent, want)
	}
	if second.Failed != "exit" || first.Failed != "" || !strings.Contains(second.Attributes[tracing.Kind], "report") {
		t.Errorf("spans %+v", spans)
	}
	for _, header := range collector.Headers() {
		if header.Get("X-Key") != "of the collector" {
			t.Errorf("headers %v", header)
		}
	}
}

// Without a Tracer nothing is told, and what came is passed on.
func TestNoTracer(t *testing.T) {
	t.Parallel()
	var tracer *tracing.Tracer
	header := http.Header{}
	header.Set("Traceparent", given)
	ctx, span := tracer.Start(tracing.FromHeader(t.Context(), header), tracing.Serves, "nothing")
	span.Rename("x")
	span.Set(tracing.Number(tracing.Attempt, 1))
	span.Fail("y")
	span.End()
	if parent := tracing.Parent(ctx); parent != given {
		t.Errorf("passed on is %q", parent)
	}
	stop(t, tracer)
}

func TestWhatIsNoTraceparent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "x", "00", given + "x", given + "-00", strings.ToUpper(given), "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "ff" + given[2:], given + "\n", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
		strings.Repeat("0", 1<<16),
	} {
		if parent := tracing.Parent(tracing.Within(t.Context(), text)); parent != "" {
			t.Errorf("%.80q is taken for %q", text, parent)
		}
	}
}

// A collector that takes nothing costs its spans, a line of the log, and nobody's time.
func TestARefusingCollector(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(server.Close)
	for name, address := range map[string]string{"refuses": server.URL + "/secret-path", "is away": "http://127.0.0.1:1/secret-path"} {
		var log bytes.Buffer
		tracer := newTracer(t, address, slog.New(slog.NewTextHandler(&log, nil)))
		_, span := tracer.Start(t.Context(), tracing.Serves, "lost")
		span.End()
		stop(t, tracer)
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "spans=1") || strings.Contains(text, "secret-path") {
			t.Errorf("a collector that %s is logged so: %q", name, text)
		}
	}
}
