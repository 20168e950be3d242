package api_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"freshet/api"
)

// A server in a network of the test's own, to which clients come from addresses that are not loopback.
//
//nolint:tparallel // the rig is closed behind it
func TestConnectionsFromOtherAddresses(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may make a network of its own")
	}
	r := newRig(t)
	server, err := api.New(t.Context(), api.Config{
		Store: r.store, Hub: r.hub, Secrets: box(), Logger: discard(), Limits: api.Limits{Connections: 2},
		Proxies: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/32")},
	})
	r.ok(err)
	t.Run("network", func(t *testing.T) {
		socket := ownNetwork(t)
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- server.Serve(ctx, socket) }()
		defer func() {
			stop()
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		}()
		for _, client := range []struct {
			from   string
			served int // of four connections
		}{
			{"192.0.2.1", 2}, {"192.0.2.2", 2}, {"198.51.100.1", 4}, {"127.0.0.1", 4}, {"::1", 4},
			{"2001:db8::1", 2}, {"2001:db8::2", 0}, {"2001:db8:0:1::1", 2},
		} {
			served := 0
			for range 4 {
				if heard(t, client.from, socket) {
					served++
				}
			}
			if served != client.served {
				t.Errorf("%s has %d connections, want %d", client.from, served, client.served)
			}
		}
	})
}

// ownNetwork listens at all addresses of a network of the test's own. It is this thread's, which ends with the
// goroutine of the test.
func ownNetwork(t *testing.T) net.Listener {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network can be made:", err)
	}
	for _, command := range []string{
		"link set lo up", "addr add 192.0.2.1/32 dev lo", "addr add 192.0.2.2/32 dev lo", "addr add 198.51.100.1/32 dev lo",
		"addr add 2001:db8::1/128 dev lo nodad", "addr add 2001:db8::2/128 dev lo nodad", "addr add 2001:db8:0:1::1/128 dev lo nodad",
	} {
		if said, err := exec.CommandContext(t.Context(), "ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			t.Skipf("ip %s: %v: %s", command, err, said)
		}
	}
	socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	return socket
}

// heard tells whether a connection to the same address that it comes from is answered. It stays open.
func heard(t *testing.T, from string, socket net.Listener) bool {
	t.Helper()
	port := strconv.Itoa(socket.Addr().(*net.TCPAddr).Port)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	dial := func() (net.Conn, error) { return dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(from, port)) }
	conn, err := dial()
	for end := time.Now().Add(patience); errors.Is(err, syscall.ENETUNREACH) && time.Now().Before(end); conn, err = dial() {
		<-time.After(10 * time.Millisecond) // the kernel makes the route of an address a moment after the address
	}
	if errors.Is(err, syscall.ECONNRESET) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return false
	}
	answer := make([]byte, 512)
	n, _ := conn.Read(answer)
	return strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200")
}
