package attacks_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A request in a request's body gets no answer of its own, in whichever way the two lengths disagree: a wrong
// one is refused, or is the last of its connection. The request that is hidden would make a task.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	const body = `{"kind":"hostile"}`
	hidden := fmt.Sprintf("POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", adminKey, len(body), body)
	head := "GET /healthz HTTP/1.1\r\nHost: x\r\n"
	for name, test := range map[string]struct {
		text   string
		status int
	}{
		"length, then chunks":     {head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", len(hidden)+5) + hidden, 200},
		"chunks, then length":     {head + fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n", len(hidden)+5) + hidden, 200},
		"two lengths":             {head + fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n", len(hidden)) + hidden, 400},
		"lengths in a list":       {head + fmt.Sprintf("Content-Length: 0, %d\r\n\r\n", len(hidden)) + hidden, 400},
		"signed length":           {head + "Content-Length: +0\r\n\r\n" + hidden, 400},
		"negative length":         {head + "Content-Length: -1\r\n\r\n" + hidden, 400},
		"hexadecimal length":      {head + "Content-Length: 0x0\r\n\r\n" + hidden, 400},
		"unknown encoding":        {head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, 501},
		"two encodings":           {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden, 501},
		"encoding in a list":      {head + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + hidden, 501},
		"encoding, vertical tab":  {head + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + hidden, 400},
		"space before the colon":  {head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden, 400},
		"space before the name":   {"POST /healthz HTTP/1.1\r\n Host: x\r\nHost: y\r\n\r\n" + hidden, 400},
		"two hosts":               {head + "Host: y\r\n\r\n" + hidden, 400},
		"no host":                 {"GET /healthz HTTP/1.1\r\n\r\n" + hidden, 400},
		"NUL in a header":         {head + "X: a\x00b\r\n\r\n" + hidden, 400},
		"return in a header":      {head + "X: a\rContent-Length: 0\r\n\r\n" + hidden, 400},
		"wrong size of a chunk":   {head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + hidden, 200},
		"overflow of a size":      {head + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + hidden, 200},
		"end of a chunk left out": {head + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n" + hidden, 200},
		"HTTP/1.0 in chunks":      {"GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, 200},
		"no version":              {"GET /healthz\r\n\r\n" + hidden, 400},
		"version 9":               {"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n" + hidden, 505},
	} {
		if answers := a.raw(test.text); len(answers) != 1 || answers[0].status != test.status {
			t.Errorf("%s: answers %d; want one of %d", name, statuses(answers), test.status)
		}
	}
	if tasks := a.get("/v1/tasks", adminKey).body; strings.Contains(tasks, "hostile") {
		t.Errorf("a hidden request was obeyed: %s", tasks)
	}
	// The same request that is not hidden is obeyed: this test would see it.
	if answers := a.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + hidden); len(answers) != 2 || answers[1].status != http.StatusAccepted {
		t.Errorf("two requests in a row: %d answers", len(answers))
	}
	if answers := a.raw("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1200<<10) + "\r\n\r\n"); len(answers) > 0 && answers[0].status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("1.2 MB of headers: status %d", answers[0].status) // none: it was cut off before it could be read
	}
}

func statuses(answers []answer) (all []int) {
	for _, answer := range answers {
		all = append(all, answer.status)
	}
	return all
}

// Freshet speaks HTTP/1.1 alone; HTTP/2, with its floods of streams and resets, is for the proxy that has
// the certificate. Whoever begins with it, or asks for it, is answered in HTTP/1.1.
func TestOnlyHTTP1(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	const settingsFrame = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	conn := a.dial()
	_, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+settingsFrame)
	a.ok(err)
	said, err := io.ReadAll(conn)
	if text := string(said); !strings.HasPrefix(text, "HTTP/1.1 4") && !strings.HasPrefix(text, "HTTP/1.1 5") || strings.Contains(text, settingsFrame) {
		t.Errorf("the preface of HTTP/2 is answered with %q, %v", said, err)
	}
	answers := a.raw("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
	if len(answers) != 1 || answers[0].status != http.StatusOK || answers[0].major != 1 {
		t.Errorf("an upgrade is answered with %+v", answers)
	}
}

// Who never ends a header, however busily, is cut off after five seconds; meanwhile others are served.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	const crowd = 300
	started := time.Now()
	ends := make(chan error, crowd)
	for i := range crowd {
		conn := a.dial()
		_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n")
		a.ok(err)
		go func() { ends <- drip(conn, i%10 == 0) }()
	}
	if got := a.get("/readyz", ""); got.status != http.StatusOK {
		t.Errorf("meanwhile others get status %d", got.status)
	}
	for range crowd {
		if err := <-ends; err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(started); took < 4*time.Second || took > 30*time.Second {
		t.Errorf("all were cut off after %s; want about 5 s", took)
	}
}

// drip reads until it is cut off, and may send a little of a header time and again.
func drip(conn net.Conn, busy bool) error {
	defer conn.Close()
	for {
		if busy {
			_, _ = io.WriteString(conn, "X-A: b\r\n") // that it is cut off shows below
		}
		limit := time.Now().Add(patience)
		if busy {
			limit = time.Now().Add(200 * time.Millisecond)
		}
		if err := conn.SetReadDeadline(limit); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, conn)
		if busy && errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.New("a header without an end is waited for")
		}
		return nil
	}
}
