package runner_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	chunked := "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
	endless := "HTTP/1.0 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
	tests := map[string]struct {
		handler http.HandlerFunc
		output  string
	}{
		"JSON":                       {answers("application/json; charset=utf-8", `{"pages"`, `:3}`), `{"pages":3}`},
		"null":                       {answers("application/json", `null`), `null`},
		"nothing":                    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, ``},
		"lines":                      {lines(`{"alive":true}`+"\n", "\n", `{"output":`, `{"pages":3}}`+"\r\n"), `{"pages":3}`},
		"the last output counts":     {lines(`{"output":1}`+"\n", `{"output":2}`+"\n"), `2`},
		"no end of the last line":    {lines(`{"output":1}`), `1`},
		"lines without an output":    {lines(`{"progress":100}` + "\n"), ``},
		"no line":                    {lines(), ``},
		"a line of another version":  {lines(`{"confetti":true}`+"\n", `{"output":1}`+"\n"), `1`},
		"a large output":             {lines(`{"output":"` + strings.Repeat("x", 1<<20-20) + `"}` + "\n"), `"` + strings.Repeat("x", 1<<20-20) + `"`},
		"cut after the output":       {cutAfter(lines(`{"output":1}` + "\n")), `1`},
		"chunks that end too early":  {raw(chunked + "f\r\n{\"output\":\"ab\"}\r\n"), `"ab"`},
		"no length, with the output": {raw(endless + `{"output":1}`), `1`},
		"no length, JSON":            {raw("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":1}"), `{"a":1}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ending := newRoute(t, test.handler).run(t.Context())
			wantCompleted(t, ending)
			if string(ending.Output) != test.output || ending.ExitCode != nil || ending.Signal != "" {
				t.Errorf("ending %.200s, exit code %v, signal %q", ending.Output, ending.ExitCode, ending.Signal)
			}
			if ending.Usage == nil || ending.Usage.WallSeconds <= 0 {
				t.Errorf("usage %+v", ending.Usage)
			}
		})
	}
}

func TestRouteFailures(t *testing.T) {
	t.Parallel()
	status := func(code int, pairs ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Set(pairs[i], pairs[i+1])
			}
			w.WriteHeader(code)
			fmt.Fprintf(w, "sorry\n")
		}
	}
	compressed := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		answers("application/json", "\x1f\x8b")(w, r)
	}
	line := strings.Repeat("x", 1<<20)
	tests := map[string]struct {
		handler http.HandlerFunc
		code    jobs.Code
		message string
		delay   time.Duration // until the next attempt; zero: none follows
	}{
		"500":                  {status(500), jobs.CodeHTTPStatus, "the route answered 500 Internal Server Error", 10 * time.Second},
		"503 with Retry-After": {status(503, "Retry-After", "77"), jobs.CodeHTTPStatus, "503", 77 * time.Second},
		"429 for ever":         {status(429, "Retry-After", "2000000000"), jobs.CodeHTTPStatus, "429", 24 * time.Hour},
		"429 for nonsense":     {status(429, "Retry-After", "-5"), jobs.CodeHTTPStatus, "429", 10 * time.Second},
		"408":                  {status(408), jobs.CodeHTTPStatus, "408", 10 * time.Second},
		"400":                  {status(400), jobs.CodeHTTPStatus, "400 Bad Request", 0},
		"401":                  {status(401, "Retry-After", "77"), jobs.CodeHTTPStatus, "401", 0},
		"404":                  {status(404), jobs.CodeHTTPStatus, "404", 0},
		"redirect":             {status(307, "Location", "/login"), jobs.CodeHTTPStatus, `307 Temporary Redirect, to "/login"; redirects are not followed`, 0},
		"HTML":                 {answers("text/html; charset=utf-8", "<!doctype html>"), jobs.CodeBadOutput, `the answer is "text/html; charset=utf-8"; it must be`, 0},
		"no type":              {answers("", "OK"), jobs.CodeBadOutput, `the answer is ""`, 0},
		"gzip":                 {compressed, jobs.CodeBadOutput, "compressed (gzip)", 0},
		"broken JSON":          {answers("application/json", `{"a":`), jobs.CodeBadOutput, "the answer is no output", 0},
		"no JSON at all":       {answers("application/json"), jobs.CodeBadOutput, "the answer is no output", 0},
		"NUL in JSON":          {answers("application/json", `"a\u0000b"`), jobs.CodeBadOutput, "NUL", 0},
		"huge JSON":            {answers("application/json", `"`+line+`"`), jobs.CodeBadOutput, "longer than 1048576 bytes", 0},
		"cut JSON":             {cutAfter(answers("application/json", `{"a":1`)), jobs.CodeUnfinished, "broke off after 6 bytes", 10 * time.Second},
		"whole JSON, cut":      {cutAfter(answers("application/json", `{"a":1}`)), jobs.CodeUnfinished, "broke off", 10 * time.Second},
		"JSON without length":  {raw("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":"), jobs.CodeUnfinished, "nothing said that the answer was whole", 10 * time.Second},
		"JSON that is short":   {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n1"), jobs.CodeUnfinished, "unexpected EOF", 10 * time.Second},
		"broken line":          {lines(`{"progress":1}`+"\n", "<html>\n", `{"output":1}`+"\n"), jobs.CodeBadOutput, `line 2 of the answer is not JSON: "<html>\n"`, 0},
		"line too long":        {lines(`{"output":"` + line + `"}` + "\n"), jobs.CodeBadOutput, "line 1 of the answer is longer than 1048576 bytes", 0},
		"output not storable":  {lines(`{"output":1}`+"\n", `{"output":"\u0000"}`+"\n"), jobs.CodeBadOutput, "NUL", 0},
		"cut":                  {cutAfter(lines(`{"progress":50}` + "\n")), jobs.CodeUnfinished, "the answer broke off: unexpected EOF", 10 * time.Second},
		"cut in a line":        {cutAfter(lines(`{"output":1}`+"\n", `{"outp`)), jobs.CodeUnfinished, "in the middle of line 2", 10 * time.Second},
		"half a last line":     {lines(`{"output":1}`+"\n", `{"outp`), jobs.CodeUnfinished, "in the middle of line 2", 10 * time.Second},
		"lines without length": {raw("HTTP/1.0 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{\"progress\":1}\n"), jobs.CodeUnfinished, "nothing said that the answer was whole", 10 * time.Second},
		"hung up":              {raw(""), jobs.CodeUnfinished, "the connection ended before an answer came", 10 * time.Second},
		"no HTTP":              {raw("SSH-2.0-OpenSSH\r\n"), jobs.CodeUnfinished, "malformed HTTP", 10 * time.Second},
		"error line":           {lines(`{"error":{"message":"no such street","code":"street","detail":"17","retryAfter":"99s"}}` + "\n"), jobs.CodeExit, "no such street", 99 * time.Second},
		"final error":          {lines(`{"error":{"message":"no","retry":false}}` + "\n"), jobs.CodeExit, "no", 0},
		"error, cut":           {cutAfter(lines(`{"error":{"message":"no such street"}}` + "\n")), jobs.CodeExit, "no such street", 10 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRoute(t, test.handler)
			ending := b.run(t.Context())
			wantFailure(t, ending, test.code, test.message)
			switch {
			case test.delay == 0 && ending.Next != nil, test.delay != 0 && ending.Next == nil:
				t.Fatalf("next %+v, retryable %v", ending.Next, ending.Failure.Retryable)
			case ending.Next != nil && (ending.Next.Delay != test.delay || !ending.Next.CostsTry):
				t.Errorf("next %+v, want one after %s", ending.Next, test.delay)
			}
			if ending.Output != nil || ending.Failure.ExitCode != nil {
				t.Errorf("output %.80s, exit code %v", ending.Output, ending.Failure.ExitCode)
			}
		})
	}
}

// What a route says with a status that is no success is kept, and bounded, and shown in the log.
func TestRefusalIsKept(t *testing.T) {
	t.Parallel()
	b := newRoute(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "no such column\x00: total\n")
		for r.Context().Err() == nil { // without end
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<10))
		}
	})
	ending := b.run(t.Context())
	wantFailure(t, ending, jobs.CodeHTTPStatus, "500")
	detail := ending.Failure.Detail
	if !strings.HasPrefix(detail, "no such column: total\nxxx") || len(detail) > 4<<10 {
		t.Errorf("detail of %d bytes: %.80q", len(detail), detail)
	}
	if said := b.sink.text(jobs.System); said != "the route answered 500 Internal Server Error\n"+detail+"\n" {
		t.Errorf("log %.120q", said)
	}
}

func TestRetryAfterIsADate(t *testing.T) {
	t.Parallel()
	ending := newRoute(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	}).run(t.Context())
	if ending.Next == nil || ending.Next.Delay < 58*time.Minute || ending.Next.Delay > time.Hour {
		t.Errorf("next %+v", ending.Next)
	}
}

func TestOutputOfARouteIsValidated(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"JSON": answers("application/json", `{"url":1}`), "lines": lines(`{"output":{"url":1}}` + "\n"),
		"nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	} {
		b := newRoute(t, handler)
		b.spec.Output = json.RawMessage(`{"type":"object","required":["url"],"properties":{"url":{"type":"string"}}}`)
		ending := b.run(t.Context())
		wantFailure(t, ending, jobs.CodeBadOutput, "does not fit the kind's schema")
		if ending.Next != nil {
			t.Errorf("%s: next %+v", name, ending.Next)
		}
	}
}
