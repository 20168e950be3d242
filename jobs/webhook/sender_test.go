package webhook_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/jobs/webhook"
)

var development = webhook.Policy{Loopback: true}

// newSender makes a sender that gives up soon enough for a test of that, and late enough for all others.
func newSender(t *testing.T, policy webhook.Policy, timeout time.Duration) *webhook.Sender {
	t.Helper()
	sender := webhook.NewSender(policy)
	sender.Timeout = timeout
	t.Cleanup(sender.Close)
	return sender
}

func message(t *testing.T, url string) webhook.Message {
	t.Helper()
	return webhook.Message{
		URL: url, ID: "msg_1", Body: []byte(vectorBody), Secrets: parse(t, vectorSecret),
		Header: http.Header{"Authorization": {"Bearer hunter2"}},
	}
}

// serve is a receiver that speaks HTTP.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// receive is a receiver that may do anything: behave gets its connections, counted from 1. They are closed
// when it returns, and their reads and writes fail when the test ends.
func receive(t *testing.T, behave func(number int, conn net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	group.Go(func() {
		for number := 1; ; number++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			group.Go(func() {
				behave(number, conn)
				conn.Close()
				stop()
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		cancel()
		group.Wait()
	})
	return "http://" + listener.Addr().String()
}

// request reads a whole request from a connection.
func request(conn net.Conn) (*http.Request, error) {
	incoming, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		_, err = io.Copy(io.Discard, incoming.Body)
	}
	return incoming, err
}

// gone waits until the other side has closed the connection.
func gone(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestSend(t *testing.T) {
	t.Parallel()
	var seen []*http.Request
	var bodies []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen, bodies = append(seen, r), append(bodies, string(body))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "\x00thanks\xff")
	})
	sender := newSender(t, development, 10*time.Second)
	for range 2 {
		answer := sender.Send(t.Context(), message(t, url+"/in?a=b"))
		if answer.Status != 202 || string(answer.Body) != "\x00thanks\xff" || answer.Err != "" || !answer.OK() || answer.Gone() || answer.Took <= 0 {
			t.Errorf("got %+v", answer)
		}
	}
	for i, r := range seen {
		if id, err := parse(t, vectorSecret).Verify(r.Header, []byte(bodies[i]), time.Now()); err != nil || id != "msg_1" {
			t.Errorf("signature: %q, %v", id, err)
		}
		got := fmt.Sprint(r.Method, r.RequestURI, bodies[i], r.ContentLength)
		if want := fmt.Sprint("POST", "/in?a=b", vectorBody, len(vectorBody)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Content-Length"} {
			r.Header.Del(name)
		}
		want := "map[Authorization:[Bearer hunter2] Content-Type:[application/json] User-Agent:[Freshet]]"
		if got := fmt.Sprint(r.Header); got != want {
			t.Errorf("headers %s, want %s", got, want)
		}
	}
	if len(seen) != 2 || sender.Transport().Proxy != nil {
		t.Errorf("%d requests, proxy %t", len(seen), sender.Transport().Proxy != nil)
	}
}

func TestHeadersCannotForge(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { seen = r })
	forged := message(t, url)
	forged.Header = http.Header{
		"webhook-id": {"msg_2"}, "Webhook-Id": {"msg_3"}, "WEBHOOK-TIMESTAMP": {"1"}, "Webhook-Signature": {"v1,x"}, "webhook-new": {"1"},
		"host": {"example.com"}, "content-type": {"text/plain"}, "Content-Length": {"1"}, "content-encoding": {"gzip"}, "User-Agent": {"curl"},
		"Transfer-Encoding": {"chunked"}, "connection": {"close"}, "Upgrade": {"h2c"}, "Expect": {"100-continue"}, "accept-encoding": {"gzip"},
		"Proxy-Authorization": {"x"}, "te": {"trailers"}, "x-own": {"1", "2"},
	}
	if answer := newSender(t, development, 10*time.Second).Send(t.Context(), forged); !answer.OK() {
		t.Fatalf("got %+v", answer)
	}
	if id, err := parse(t, vectorSecret).Verify(seen.Header, []byte(vectorBody), time.Now()); err != nil || id != "msg_1" {
		t.Errorf("signature: %q, %v", id, err)
	}
	got := slices.Sorted(func(yield func(string) bool) {
		for name, values := range seen.Header {
			if !yield(fmt.Sprint(name, len(values))) {
				return
			}
		}
	})
	want := []string{"Content-Length1", "Content-Type1", "User-Agent1", "Webhook-Id1", "Webhook-Signature1", "Webhook-Timestamp1", "X-Own2"}
	if !slices.Equal(got, want) || seen.Host != strings.TrimPrefix(url, "http://") || seen.Header.Get("Content-Type") != "application/json" || seen.Close {
		t.Errorf("host %s, headers %v", seen.Host, seen.Header)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	sender := newSender(t, development, 10*time.Second)
	for status, want := range map[int]struct{ ok, gone bool }{200: {ok: true}, 204: {ok: true}, 299: {ok: true}, 300: {}, 304: {}, 400: {}, 404: {}, 410: {gone: true}, 500: {}, 503: {}} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if answer := sender.Send(t.Context(), message(t, url)); answer.Status != status || answer.OK() != want.ok || answer.Gone() != want.gone || answer.Err != "" {
			t.Errorf("status %d: %+v", status, answer)
		}
	}
}

func TestRetryAfterOfAnswer(t *testing.T) {
	t.Parallel()
	sender := newSender(t, development, 10*time.Second)
	for _, form := range []string{"3600", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", form)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		answer := sender.Send(t.Context(), message(t, url))
		if answer.Status != 429 || answer.OK() || answer.RetryAfter.Round(time.Minute) != time.Hour {
			t.Errorf("%s: %+v", form, answer)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		requests := 0
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.Header().Set("Location", "http://169.254.169.254/latest/meta-data")
			w.WriteHeader(status)
		})
		sender := newSender(t, development, 10*time.Second)
		dialled := watch(sender)
		answer := sender.Send(t.Context(), message(t, url))
		if answer.Status != status || answer.OK() || answer.Err != "" || requests != 1 {
			t.Errorf("%d: %+v after %d requests", status, answer, requests)
		}
		if got := dialled(); len(got) != 1 || got[0] != strings.TrimPrefix(url, "http://") {
			t.Errorf("%d: dialled %v", status, got)
		}
	}
}

// A connection that the receiver closed while it waited is no failure: the message goes out on another.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	connections := make(chan int, 2)
	url := receive(t, func(number int, conn net.Conn) {
		connections <- number
		if _, err := request(conn); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		if number == 1 {
			_, _ = conn.Read(make([]byte, 1)) // the next request has begun, and is not read
			return
		}
		gone(conn)
	})
	sender := newSender(t, development, 10*time.Second)
	for i := range 2 {
		if answer := sender.Send(t.Context(), message(t, url)); answer.Status != 204 {
			t.Errorf("message %d: %+v", i, answer)
		}
	}
	if len(connections) != 2 {
		t.Errorf("%d connections", len(connections))
	}
}

func TestUnsignedIsNotSent(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	sender := newSender(t, development, 10*time.Second)
	for name, change := range map[string]func(*webhook.Message){
		"no secret":     func(m *webhook.Message) { m.Secrets = webhook.Secrets{} },
		"no id":         func(m *webhook.Message) { m.ID = "" },
		"a dot":         func(m *webhook.Message) { m.ID = "msg.1" },
		"broken header": func(m *webhook.Message) { m.Header = http.Header{"X": {"hunter2\r\nWebhook-Id: 1"}} },
		"broken name":   func(m *webhook.Message) { m.Header = http.Header{"Webhook-Id ": {"1"}} },
		"bad URL":       func(m *webhook.Message) { m.URL = "http://example.com/hunter2" },
	} {
		bad := message(t, url)
		change(&bad)
		if answer := sender.Send(t.Context(), bad); answer.Err == "" || answer.OK() || answer.Status != 0 || strings.Contains(answer.Err, "hunter2") {
			t.Errorf("%s: %+v", name, answer)
		}
	}
}
