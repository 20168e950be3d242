package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"freshet/jobs"
	"freshet/jobs/tracing"
)

// call is one request, as handlers see it. It belongs to the request's goroutine.
type call struct {
	id       string
	request  *http.Request
	writer   *recorder
	identity jobs.Identity // set by guard
	let      credential    // set by guard
	signedIn bool          // set by guard: let is a session's
	objects  []string      // what the audit log is told that it is about
	span     tracing.Span

	body         []byte // set by guard, for operations that have one
	bodyOptional bool

	failure error  // what the log is told beside the status
	rest    func() // writes the rest of the answer, once all routing has returned
}

type callKey struct{}

// callOf is the call that a context belongs to.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// caller is who makes the request.
func caller(ctx context.Context) jobs.Identity { return callOf(ctx).identity }

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// trace begins and ends the life of a call.
func (s *Server) trace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		c := &call{id: requestID(r), writer: &recorder{ResponseWriter: w}}
		ctx := tracing.FromHeader(r.Context(), r.Header)
		if !isProbe(r) {
			ctx, c.span = s.tracer.Start(ctx, tracing.Serves, "HTTP")
		}
		c.request = r.WithContext(context.WithValue(ctx, callKey{}, c))
		if r.ContentLength != 0 { // net/http reads what no handler reads, for as long as it takes
			_ = http.NewResponseController(w).SetReadDeadline(started.Add(s.limits.BodyTime)) // not every connection has one: a test's has not
		}
		header := w.Header()
		header.Set("X-Request-Id", c.id)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cache-Control", "no-store")
		if len(r.TransferEncoding) > 0 {
			// It may have had a Content-Length too, of which net/http does not tell: then a proxy may see
			// another request begin where we do not. RFC 9112, 6.1.
			header.Set("Connection", "close")
		}
		defer func() {
			took := time.Since(started)
			s.count(c, took)
			s.log(c, took)
		}()
		next.ServeHTTP(c.writer, c.request)
	})
}

// isProbe tells whether a machine asks, time and again, how the process is.
func isProbe(r *http.Request) bool {
	return r.URL.Path == healthPath || r.URL.Path == readyPath || r.URL.Path == metricsPath
}

// count tells the metrics and the trace of a call, by the pattern of its route: an address holds ids.
func (s *Server) count(c *call, took time.Duration) {
	method, route, status := c.request.Method, chi.RouteContext(c.request.Context()).RoutePattern(), c.writer.status
	s.metrics.Request(method, route, status, took)
	if route != "" {
		c.span.Rename(method + " " + route)
		c.span.Set(tracing.Text(tracing.Method, method), tracing.Text(tracing.Route, route))
	}
	c.span.Set(tracing.Number(tracing.Status, status))
	if status >= http.StatusInternalServerError {
		c.span.Fail(strconv.Itoa(status))
	}
	c.span.End()
}

// log writes the one line about a call. The query stays out of it: it may hold a signature.
func (s *Server) log(c *call, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case c.writer.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case c.writer.status >= http.StatusInternalServerError:
		level = slog.LevelError
	case isProbe(c.request):
		level = slog.LevelDebug
	}
	attributes := []slog.Attr{
		slog.String("requestId", c.id), slog.String("method", c.request.Method), slog.String("path", c.request.URL.Path),
		slog.Int("status", c.writer.status), slog.Int64("bytes", c.writer.bytes), slog.Duration("took", took),
		slog.String("remote", c.request.RemoteAddr), slog.String("key", c.identity.Key),
	}
	if client, forwarded := s.proxies.client(c.request); forwarded {
		attributes = append(attributes, slog.String("client", client.String()))
	}
	if c.failure != nil {
		attributes = append(attributes, slog.Any("error", c.failure))
	}
	s.logger.LogAttrs(c.request.Context(), level, "request", attributes...)
}

// rescue answers for a handler that panics. Once the answer has begun there is nothing left but to cut
// the connection, so that nobody takes half an answer for a whole one.
func (s *Server) rescue(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			c := callOf(r.Context())
			if err, ok := reason.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				c.failure = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
			}
			if c.writer.status != 0 {
				panic(http.ErrAbortHandler)
			}
			writeProblem(r.Context(), newProblem(codeInternal, ""))
		}()
		next.ServeHTTP(w, r)
		if rest := callOf(r.Context()).rest; rest != nil {
			rest()
		}
	})
}

// requestID takes over the id that a proxy gave, if it is one that no log or header can be fooled with.
func requestID(r *http.Request) string {
	given := r.Header.Get("X-Request-Id")
	if len(given) == 0 || len(given) > 64 {
		return rand.Text()
	}
	for _, c := range []byte(given) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return rand.Text()
		}
	}
	return given
}
