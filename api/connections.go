package api

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// connections counts the open ones of clients by their address, so that one cannot take all the room. Those
// of proxies, whose clients are many, and of this machine count as nothing.
type connections struct {
	limit   int // of one address; negative: none
	exempt  proxies
	logger  *slog.Logger
	refused func() // counts one that was closed

	mu   sync.Mutex
	open map[string]int // by household
	told time.Time      // when a refusal was last logged
}

// guarded is a socket whose surplus connections are closed.
func (s *Server) guarded(socket net.Listener) net.Listener {
	loopback := proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	return guardedSocket{socket, &connections{
		limit: s.limits.Connections, exempt: slices.Concat(loopback, s.proxies), logger: s.logger,
		refused: s.metrics.ConnectionRefused, open: map[string]int{},
	}}
}

type guardedSocket struct {
	net.Listener

	connections *connections
}

// Accept closes what is too much before anything of it is read.
func (g guardedSocket) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok || g.connections.limit < 0 {
			return conn, nil
		}
		address, counts := g.connections.of(tcp.RemoteAddr())
		switch {
		case !counts:
			return conn, nil
		case g.connections.enter(address):
			return &guardedConn{TCPConn: tcp, leave: func() { g.connections.leave(address) }}, nil
		}
		_ = tcp.SetLinger(0) // nothing of it is to stay in the kernel
		_ = tcp.Close()
	}
}

// guardedConn gives its place back when it is closed for the first time.
type guardedConn struct {
	*net.TCPConn

	leave func()
	once  sync.Once
}

func (c *guardedConn) Close() error {
	defer c.once.Do(c.leave)
	return c.TCPConn.Close()
}

// of is the address that a connection counts for, if it counts.
func (c *connections) of(peer net.Addr) (address string, counts bool) {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return "", false
	}
	client := plain(tcp.AddrPort().Addr())
	return household(client), !c.exempt.trusted(client)
}

// enter takes a place for an address, if it has one left.
func (c *connections) enter(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[address] < c.limit {
		c.open[address]++
		return true
	}
	c.refused()
	if now := time.Now(); now.Sub(c.told) >= time.Minute {
		c.told = now
		c.logger.Warn("connections are closed, because their address has too many; if it is a proxy's, name it in server.trustedProxies",
			"address", address, "limit", c.limit)
	}
	return false
}

// leave gives the place back.
func (c *connections) leave(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[address]--; c.open[address] == 0 {
		delete(c.open, address)
	}
}
