package webhook

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// Policy says where messages may go. The zero value means any public address, over https.
type Policy struct {
	Allow     []netip.Prefix // networks that are not public and may be reached all the same, on any port
	AllowHTTP bool           // http is good enough, everywhere
	Loopback  bool           // for development: this machine may be reached, on any port and over http
}

// refusedError says, for people, why a message is not sent at all. It does not show the URL, which may
// hold a secret, nor the address: who registers a URL must not learn what the names of a private network
// stand for.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// Control is the hook of a net.Dialer. It runs when names are resolved and the socket is made, right
// before it is connected, so it judges the address that is really dialled. What is not public is refused:
// every range of the IANA special-purpose registries, multicast, and all of IPv6 outside 2000::/3.
func (p Policy) Control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return refusedError("refused address: it is not one of TCP")
	}
	return p.check(target.Addr(), target.Port())
}

// check judges an address of IPv4 that is wrapped into IPv6 as what it is.
func (p Policy) check(address netip.Addr, port uint16) error {
	address = address.Unmap()
	switch {
	case !p.excepts(address):
		if ssrf.New(ssrf.WithAnyPort()).SafeAddr(address) != nil {
			return refusedError("refused address: the host is not on the public internet, and server.webhooks.allow does not name its network")
		}
		return p.checkPort(port)
	case ssrf.IPv6NAT64Prefix.Contains(address):
		wrapped := address.As16()
		return p.check(netip.AddrFrom4([4]byte(wrapped[12:])), port)
	}
	return nil
}

// excepts tells whether an address may be reached although it is not public. No network contains an
// address with a zone.
func (p Policy) excepts(address netip.Addr) bool {
	allowed := func(network netip.Prefix) bool { return network.Contains(address) }
	return slices.ContainsFunc(p.Allow, allowed) || p.Loopback && address.IsLoopback() && address.Zone() == ""
}

// checkPort is for public addresses: below 1024 are the services that a machine comes with, such as SSH
// and mail.
func (p Policy) checkPort(port uint16) error {
	if port == 443 || port >= 1024 || port == 80 && p.AllowHTTP {
		return nil
	}
	return refusedError(fmt.Sprintf("refused port: %d is not 443, nor 1024 or above", port))
}
