package webhook_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"freshet/jobs/webhook"
)

const (
	late    = "the receiver did not answer in time"
	invalid = "the receiver's answer is not valid HTTP, or has too large a header"
	closed  = "the receiver closed the connection without an answer"
	patient = 20 * time.Second // what does not depend on the timeout
	soon    = 2 * time.Second  // what does
)

// drip writes a text again and again until the other side is gone.
func drip(conn net.Conn, text string, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for range ticker.C {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// answering is a receiver that reads the request first.
func answering(behave func(net.Conn)) func(int, net.Conn) {
	return func(_ int, conn net.Conn) {
		if _, err := request(conn); err == nil {
			behave(conn)
		}
	}
}

func saying(text string) func(int, net.Conn) {
	return answering(func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		gone(conn)
	})
}

func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := map[string]struct {
		behave  func(int, net.Conn)
		timeout time.Duration
		status  int
		err     string
	}{
		"never answers":        {answering(gone), soon, 0, late},
		"one header at a time": {answering(func(c net.Conn) { _, _ = io.WriteString(c, ok); drip(c, "X: y\r\n", soon/20) }), soon, 0, late},
		"slow body":            {answering(func(c net.Conn) { _, _ = io.WriteString(c, ok+"\r\n"); drip(c, "x", soon/20) }), soon, 200, ""},
		"body stops":           {saying(ok + "Content-Length: 10\r\n\r\nhalf"), soon, 200, ""},
		"body breaks off":      {answering(func(c net.Conn) { _, _ = io.WriteString(c, ok+"Content-Length: 10\r\n\r\nhalf") }), patient, 200, ""},
		"endless body": {answering(func(c net.Conn) {
			_, _ = io.WriteString(c, ok+"\r\n")
			drip(c, strings.Repeat("x", 1<<16), time.Microsecond)
		}), patient, 200, ""},
		"endless chunks": {answering(func(c net.Conn) {
			_, _ = io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n")
			drip(c, "1\r\nx\r\n", time.Microsecond)
		}), patient, 200, ""},
		"huge header":  {saying(ok + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"), patient, 0, invalid},
		"many headers": {saying(ok + strings.Repeat("X: y\r\n", 1<<17) + "\r\n"), patient, 0, invalid},
		"endless header": {answering(func(c net.Conn) {
			_, _ = io.WriteString(c, ok+"X: ")
			drip(c, strings.Repeat("x", 1<<12), time.Microsecond)
		}), patient, 0, invalid},
		"endless 100s":           {answering(func(c net.Conn) { drip(c, "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", time.Microsecond) }), patient, 0, invalid},
		"switches the protocol":  {saying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), patient, 101, ""},
		"not HTTP":               {saying("SSH-2.0-hunter2\r\n"), patient, 0, invalid},
		"repeats what was sent":  {saying(ok + "Bearer hunter2\r\n\r\n"), patient, 0, invalid},
		"no status":              {saying("HTTP/1.1 hunter2\r\n\r\n"), patient, 0, invalid},
		"says nothing":           {answering(func(net.Conn) {}), patient, 0, closed},
		"breaks off in a header": {answering(func(c net.Conn) { _, _ = io.WriteString(c, ok+"X: ") }), patient, 0, closed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender := newSender(t, development, test.timeout)
			answer := sender.Send(t.Context(), message(t, receive(t, test.behave)+"/?token=hunter2"))
			if answer.Status != test.status || answer.Err != test.err {
				t.Errorf("status %d, error %q; want %d, %q", answer.Status, answer.Err, test.status, test.err)
			}
			if answer.Took > 10*time.Second || test.timeout == soon && answer.Took < soon {
				t.Errorf("it took %s", answer.Took)
			}
			if len(answer.Body) > 4<<10 || answer.OK() != (test.status == 200) {
				t.Errorf("OK %t with %d bytes", answer.OK(), len(answer.Body))
			}
		})
	}
}

// What is read of an endless answer is little: the receiver cannot write much more than sockets hold.
func TestEndlessAnswerIsCut(t *testing.T) {
	t.Parallel()
	written := make(chan int64, 1)
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n, _ := io.Copy(w, endless{})
		written <- n
	})
	answer := newSender(t, development, patient).Send(t.Context(), message(t, url))
	if len(answer.Body) != 4<<10 || !answer.OK() {
		t.Errorf("%d bytes, %+v", len(answer.Body), answer.Status)
	}
	if n := <-written; n > 16<<20 {
		t.Errorf("the receiver wrote %d bytes", n)
	}
}

// endless reads as x without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("x"), len(p))), nil }

func TestGzipBombIsKeptShut(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(packer, endless{}, 8<<20); err != nil {
		t.Fatal(err)
	}
	if err := packer.Close(); err != nil {
		t.Fatal(err)
	}
	accepted := make(chan string, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		accepted <- r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	answer := newSender(t, development, patient).Send(t.Context(), message(t, url))
	if got := <-accepted; got != "" {
		t.Errorf("Accept-Encoding: %s", got)
	}
	if !bytes.Equal(answer.Body, bomb.Bytes()[:4<<10]) {
		t.Errorf("kept %.20x of %d bytes", answer.Body, len(answer.Body))
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	answer := newSender(t, development, patient).Send(t.Context(), message(t, "http://"+listener.Addr().String()+"/?hunter2"))
	if answer.Err != "connection refused" {
		t.Errorf("got %+v", answer)
	}
}

func TestBrokenOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := receive(t, answering(func(conn net.Conn) { cancel(); gone(conn) }))
	if answer := newSender(t, development, patient).Send(ctx, message(t, url)); answer.Err != "the sending was broken off" {
		t.Errorf("got %+v", answer)
	}
}

// secure is a receiver that speaks TLS, and HTTP/2 if the sender wants.
func secure(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := secure(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })
	unknown := newSender(t, development, patient).Send(t.Context(), message(t, server.URL))
	if !strings.HasPrefix(unknown.Err, "TLS: x509: certificate signed by unknown authority") {
		t.Errorf("of nobody: %+v", unknown)
	}

	known := newSender(t, development, patient)
	known.Transport().TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	if answer := known.Send(t.Context(), message(t, server.URL)); string(answer.Body) != "HTTP/2.0" || !answer.OK() {
		t.Errorf("of a known authority: %+v", answer)
	}
	wrong := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	if answer := known.Send(t.Context(), message(t, wrong)); !strings.HasPrefix(answer.Err, "TLS: x509: certificate is valid for") {
		t.Errorf("of another host: %+v", answer)
	}
}

func TestHugeHeaderOfHTTP2(t *testing.T) {
	t.Parallel()
	server := secure(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<19)) })
	sender := newSender(t, development, patient)
	sender.Transport().TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	if answer := sender.Send(t.Context(), message(t, server.URL)); answer.Err != invalid {
		t.Errorf("got %+v", answer)
	}
}

func TestNotTLS(t *testing.T) {
	t.Parallel()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	other := receive(t, func(_ int, conn net.Conn) {
		_, _ = io.WriteString(conn, "220 mail.example.com hunter2\r\n")
		gone(conn)
	})
	for _, url := range []string{plain, other} {
		answer := newSender(t, webhook.Policy{Loopback: true}, patient).Send(t.Context(), message(t, strings.Replace(url, "http:", "https:", 1)))
		if answer.Err != "TLS: the receiver speaks another protocol at this port" {
			t.Errorf("got %+v", answer)
		}
	}
}
