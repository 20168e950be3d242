package cmd_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/tracing/tracingtest"
)

const tracedKinds = `
kinds:
  - name: traced
    command: [sh, -c, 'echo "{\"output\":\"$TRACEPARENT\"}" >> "$FRESHET_EVENTS"']
`

// observedAt asks an address as somebody, or as nobody.
func (p *program) observedAt(method, url, key, body string, header ...string) (status int, answer string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// observedPair runs an API and a worker that shows metrics, and tells where they are.
func (p *program) observedPair(env ...string) (api, metrics string) {
	p.t.Helper()
	address, port := "127.0.0.1:"+freePort(p.t), "127.0.0.1:"+freePort(p.t)
	p.env = append(p.env, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32), "FRESHET_API_KEY=k", "FRESHET_URL=http://"+address,
		"DATABASE_URL="+postgrestest.New(p.t))
	p.env = append(p.env, env...)
	p.beside("api", "--addr", address)
	p.beside("worker", "--allow-root-children", "--metrics", port)
	p.until("there are an API and a worker", func() bool {
		r := p.client("workers", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"pid"`)
	})
	return "http://" + address, "http://" + port + "/metrics"
}

// traced submits a task with a traceparent, and answers what its command found in TRACEPARENT.
func (p *program) traced(api, parent string) string {
	p.t.Helper()
	status, text := p.observedAt(http.MethodPost, api+"/v1/tasks", "k", `{"kind":"traced","owner":"ada-the-owner","input":{"secret":"in-the-input"}}`, "traceparent", parent)
	if status != http.StatusAccepted {
		p.t.Fatalf("submit: %d %s", status, text)
	}
	type ended struct{ ID, State, Output string }
	id := parse[ended](p, text).ID
	_, text = p.observedAt(http.MethodGet, api+"/v1/tasks/"+id+"?wait=60s&until=end", "k", "")
	task := parse[ended](p, text)
	if task.State != "completed" {
		p.t.Fatalf("task %s", text)
	}
	return task.Output
}

const (
	givenTrace = "0af7651916cd43dd8448eb211c80319c"
	givenSpan  = "b7ad6b7169203331"
)

// A request, its task's submit, the attempt and what it ran are one trace, told to a stand-in for a collector by the
// API and by the worker; the command knows its place in it. Both show what they have counted.
func TestOneTraceReachesAStandInForACollector(t *testing.T) {
	t.Parallel()
	collector := tracingtest.New(t)
	p := newProgram(t, tracedKinds)
	api, metrics := p.observedPair("FRESHET_OTLP="+collector.URL, "OTEL_EXPORTER_OTLP_HEADERS=X-Key=of%20ours", "OTEL_BSP_SCHEDULE_DELAY=100")
	found := p.traced(api, "00-"+givenTrace+"-"+givenSpan+"-01")

	ofIt := map[string]tracingtest.Span{}
	p.until("all spans of the trace are told", func() bool {
		for _, span := range collector.Spans(0, patience) {
			if span.Trace == givenTrace {
				ofIt[span.Name] = span
			}
			if text := fmt.Sprint(span); strings.Contains(text, "ada-the-owner") || strings.Contains(text, "in-the-input") {
				t.Fatalf("a span tells what is nobody's business: %s", text)
			}
		}
		return len(ofIt) == 4
	})
	parent := givenSpan
	for _, want := range []struct{ service, name string }{
		{"freshet-api", "POST /v1/tasks"}, {"freshet-api", "submit traced"}, {"freshet-worker", "attempt traced"}, {"freshet-worker", "run traced"},
	} {
		span := ofIt[want.name]
		if span.Service != want.service || span.Parent != parent || span.Failed != "" {
			t.Errorf("%s: %+v, want it of %s, below %s", want.name, span, want.service, parent)
		}
		parent = span.ID
	}
	if want := "00-" + givenTrace + "-" + parent + "-01"; found != want {
		t.Errorf("the command found %q, want %q", found, want)
	}
	for _, header := range collector.Headers() {
		if header.Get("X-Key") != "of ours" {
			t.Errorf("headers for the collector: %v", header)
		}
	}
	p.until("the worker has counted the attempt", func() bool {
		_, text := p.observedAt(http.MethodGet, metrics, "", "")
		return strings.Contains(text, `freshet_attempts_ended_total{code="",kind="traced",outcome="completed",pool="default"} 1`+"\n") &&
			strings.Contains(text, `freshet_attempt_wait_seconds_count{kind="traced",pool="default"} 1`+"\n")
	})
	if _, text := p.observedAt(http.MethodGet, api+"/metrics", "k", ""); !strings.Contains(text, `freshet_workers{pool="default"} 1`+"\n") {
		t.Errorf("the API shows\n%s", text)
	}
}

// Without a collector, a trace that the request came with is passed on as it came.
func TestTraceIsPassedOnWithoutACollector(t *testing.T) {
	t.Parallel()
	p := newProgram(t, tracedKinds)
	api, _ := p.observedPair()
	if given := "00-" + givenTrace + "-" + givenSpan + "-01"; p.traced(api, given) != given {
		t.Errorf("the command found another TRACEPARENT than %s", given)
	}
	if found := p.traced(api, "not one"); found != "" {
		t.Errorf("the command found TRACEPARENT %q", found)
	}
}

func TestWrongCollector(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds)
	p.env = append(p.env, "DATABASE_URL="+postgrestest.New(t), "FRESHET_OTLP=localhost:4318", "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32))
	for _, args := range [][]string{{"worker", "--allow-root-children"}, {"api", "--addr", "127.0.0.1:0"}} {
		if r := p.must(78, args...); !strings.Contains(r.stderr, "FRESHET_OTLP") {
			t.Errorf("the refusal of %s does not say what is wrong: %s", args[0], r.stderr)
		}
	}
}
