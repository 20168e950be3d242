package webhook_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"freshet/jobs/webhook"
)

// resolver is DNS that answers as it is told to, without a network. No address: there is no such name.
func resolver(answer func() []netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			var size [2]byte
			if _, err := io.ReadFull(server, size[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(server, query); err != nil {
				return
			}
			reply := respond(query, answer)
			_, _ = server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		}()
		return client, nil
	}}
}

// respond answers a query for addresses of IPv4. Other types have no records.
func respond(query []byte, answer func() []netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	reply := slices.Concat(query[:2], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question)
	if query[end+2] != 1 { // A
		return reply
	}
	addresses := answer()
	if len(addresses) == 0 {
		reply[3] |= 3
	}
	reply[7] = byte(len(addresses))
	for _, address := range addresses {
		reply = slices.Concat(reply, []byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4}, address.AsSlice())
	}
	return reply
}

var errNotHere = errors.New("a test dials nothing outside of this machine")

// watch notes what the sender's guard lets be dialled. What is not this machine is not dialled all the same.
func watch(sender *webhook.Sender) func() []string {
	var mu sync.Mutex
	var dialled []string
	guard := sender.Dialer().Control
	sender.Dialer().Control = func(network, address string, conn syscall.RawConn) error {
		if err := guard(network, address, conn); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		dialled = append(dialled, address)
		if !netip.MustParseAddrPort(address).Addr().IsLoopback() {
			return errNotHere
		}
		return nil
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(dialled)
	}
}

// TestRebinding registers a name that is public then, and this machine's when it is dialled.
func TestRebinding(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	here := strings.TrimPrefix(receive(t, func(int, net.Conn) { connections.Add(1) }), "http://127.0.0.1:")
	public, own := netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("127.0.0.1")
	answers := [][]netip.Addr{{public}, {own}, {own, public}}
	send := func(policy webhook.Policy) (errs []string, dialled []string) {
		sender := newSender(t, policy, 10*time.Second)
		seen := watch(sender)
		for _, answer := range answers {
			sender.Dialer().Resolver = resolver(func() []netip.Addr { return answer })
			url := "https://hooks.example.com:" + here + "/"
			if err := policy.CheckURL(url); err != nil {
				t.Errorf("at registration: %v", err)
			}
			errs = append(errs, sender.Send(t.Context(), message(t, url)).Err)
		}
		return errs, seen()
	}

	errs, dialled := send(webhook.Policy{})
	for _, at := range []int{1, 2} {
		if !strings.HasPrefix(errs[at], "refused address") || strings.Contains(errs[at], "127") {
			t.Errorf("sending %d: %s", at, errs[at])
		}
	}
	if want := []string{"1.1.1.1:" + here, "1.1.1.1:" + here}; !slices.Equal(dialled, want) || connections.Load() != 0 {
		t.Errorf("dialled %v with %d connections, want %v", dialled, connections.Load(), want)
	}

	// The other way round, to see that the receiver would have been reached.
	if _, dialled := send(development); len(dialled) != 3 || connections.Load() != 2 {
		t.Errorf("where it is allowed: dialled %v with %d connections", dialled, connections.Load())
	}
}

func TestUnknownHost(t *testing.T) {
	t.Parallel()
	sender := newSender(t, webhook.Policy{}, 10*time.Second)
	sender.Dialer().Resolver = resolver(func() []netip.Addr { return nil })
	if answer := sender.Send(t.Context(), message(t, "https://hooks.example.com/")); answer.Err != "DNS: there is no such host" {
		t.Errorf("got %+v", answer)
	}
}
