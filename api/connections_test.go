package api

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// guard is a guarded socket of the loopback that serves HTTP.
type guard struct {
	t           *testing.T
	address     string
	connections *connections
	closed      atomic.Int32
	log         bytes.Buffer // once it is closed
}

func newGuard(t *testing.T, limit int, exempt ...string) *guard {
	t.Helper()
	g := &guard{t: t}
	g.connections = &connections{
		limit: limit, logger: slog.New(slog.NewTextHandler(&g.log, nil)), refused: func() { g.closed.Add(1) }, open: map[string]int{},
	}
	for _, network := range exempt {
		g.connections.exempt = append(g.connections.exempt, netip.MustParsePrefix(network))
	}
	socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.address = socket.Addr().String()
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }),
		ReadHeaderTimeout: time.Minute,
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(guardedSocket{socket, g.connections}); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
		g.empty()
	})
	return g
}

// dial connects from an address of the loopback; it is nil when the connection is closed as soon as it is there.
func (g *guard) dial(from string) net.Conn {
	g.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 20 * time.Second}
	conn, err := dialer.DialContext(g.t.Context(), "tcp", g.address)
	if errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	if err != nil {
		g.t.Error(err)
		return nil
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// served tells whether a connection is one that is answered. It stays open.
func served(conn net.Conn) bool {
	if conn == nil {
		return false
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return false
	}
	answer := make([]byte, 512)
	n, _ := conn.Read(answer)
	return strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200")
}

// empty waits until nothing is counted any more.
func (g *guard) empty() {
	g.t.Helper()
	held := func() int {
		g.connections.mu.Lock()
		defer g.connections.mu.Unlock()
		return len(g.connections.open)
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(20 * time.Second); held() > 0; <-ticker.C {
		if time.Now().After(deadline) {
			g.t.Fatalf("still counted: %v", g.connections.open)
		}
	}
}

func TestConnectionsOfOneAddressAreCounted(t *testing.T) {
	t.Parallel()
	g := newGuard(t, 3)
	var open []net.Conn
	for i := range 3 {
		conn := g.dial("127.0.0.2")
		if open = append(open, conn); !served(conn) {
			t.Fatalf("connection %d of 3 is not served", i)
		}
	}
	for range 5 {
		if served(g.dial("127.0.0.2")) {
			t.Error("a fourth connection is served")
		}
	}
	if !served(g.dial("127.0.0.3")) {
		t.Error("another address is not served")
	}
	if !served(open[0]) {
		t.Error("one that was open is closed")
	}
	for _, conn := range open {
		_ = conn.Close()
	}
	// The server sees it in its own time.
	for deadline := time.Now().Add(20 * time.Second); !served(g.dial("127.0.0.2")); {
		if time.Now().After(deadline) {
			t.Fatal("the places of closed connections are not given back")
		}
	}
	if n := g.closed.Load(); n < 5 {
		t.Errorf("%d of 5 refusals were counted", n)
	}
	g.connections.mu.Lock()
	defer g.connections.mu.Unlock()
	if text := g.log.String(); strings.Count(text, "too many") != 1 || !strings.Contains(text, "address=127.0.0.2 limit=3") {
		t.Errorf("logged %q", text)
	}
}

func TestConnectionsThatAreNotCounted(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]*guard{"no limit": newGuard(t, -1), "a proxy's": newGuard(t, 1, "127.0.0.2/32")} {
		for i := range 20 {
			if !served(g.dial("127.0.0.2")) {
				t.Fatalf("%s: connection %d is not served", name, i)
			}
		}
	}
}

// A connection is counted out once, however often it is closed, and by whomever.
func TestConnectionsAreCountedOnce(t *testing.T) {
	t.Parallel()
	const limit = 8
	g := newGuard(t, limit)
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			for range 10 {
				conn := g.dial("127.0.0.1")
				if conn == nil {
					continue
				}
				var closers sync.WaitGroup
				closers.Go(func() { served(conn) })
				closers.Go(func() { _ = conn.Close() })
				closers.Wait()
				g.connections.mu.Lock()
				if n := g.connections.open["127.0.0.1"]; n < 0 || n > limit {
					t.Errorf("%d are counted", n)
				}
				g.connections.mu.Unlock()
			}
		})
	}
	clients.Wait()
	g.empty()

	left := 0
	var closers sync.WaitGroup
	guarded := &guardedConn{TCPConn: g.dial("127.0.0.1").(*net.TCPConn), leave: func() { left++ }}
	for range 10 {
		closers.Go(func() { _ = guarded.Close() })
	}
	closers.Wait()
	if left != 1 {
		t.Errorf("ten times closed, %d times counted out", left)
	}
}

func TestWhomAConnectionCountsFor(t *testing.T) {
	t.Parallel()
	c := &connections{exempt: proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for peer, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64", "2001:db8:1:3::1": "2001:db8:1:3::/64", "fe80::1%eth0": "fe80::/64",
		"10.1.2.3": "", "::ffff:10.1.2.3": "", "fd12::1": "",
	} {
		address := netip.MustParseAddr(peer)
		got, counts := c.of(net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 5)))
		if counts != (want != "") || counts && got != want {
			t.Errorf("%s counts for %q, %v; want %q", peer, got, counts, want)
		}
	}
}
