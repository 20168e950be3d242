package runner_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"freshet/jobs/tracing"
	"freshet/jobs/tracing/tracingtest"
)

const traceOfSubmit = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// What an attempt runs is told its place in the trace, whether somebody collects spans or not, and nothing of a
// trace when there is none.
func TestTraceparent(t *testing.T) {
	t.Parallel()
	for _, route := range []bool{false, true} {
		run := func(tracer *tracing.Tracer, parent string) (told string) {
			ctx := tracing.Within(t.Context(), parent)
			if route {
				b := newRoute(t, func(w http.ResponseWriter, r *http.Request) {
					told = r.Header.Get("Traceparent")
					answers("application/json", "1")(w, r)
				})
				b.host.Tracer = tracer
				wantCompleted(t, b.run(ctx))
				return told
			}
			b := newBench(t, "environment")
			b.host.Tracer = tracer
			ending := b.run(ctx)
			wantCompleted(t, ending)
			for variable := range strings.SplitSeq(string(ending.Output), `"`) {
				if value, found := strings.CutPrefix(variable, "TRACEPARENT="); found {
					told = value
				}
			}
			return told
		}
		if told := run(nil, ""); told != "" {
			t.Errorf("route %t: told of a trace that there is not: %q", route, told)
		}
		if told := run(nil, traceOfSubmit); told != traceOfSubmit {
			t.Errorf("route %t: passed on is %q", route, told)
		}
		collector := tracingtest.New(t)
		tracer, err := tracing.New(t.Context(), tracing.Options{Collector: collector.URL, Service: "test", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		told := run(tracer, traceOfSubmit)
		ended, end := context.WithCancel(t.Context())
		end()
		if err := tracer.Run(ended); err != nil {
			t.Fatal(err)
		}
		spans := collector.Spans(1, patience)
		if i := slices.IndexFunc(spans, func(s tracingtest.Span) bool { return s.Name == "run test" }); i < 0 || told != "00-"+spans[i].Trace+"-"+spans[i].ID+"-01" ||
			spans[i].Trace != strings.Split(traceOfSubmit, "-")[1] {
			t.Errorf("route %t: told is %q, of spans %+v", route, told, spans)
		}
	}
}
