package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are those who may say, in X-Forwarded-For, whom a request comes from.
type proxies []netip.Prefix

func (p proxies) trusted(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// client is whom a request comes from, and whether a proxy said so. Each proxy adds at the end whom it got
// the request from: the last one there that is no proxy of ours is the client, since anybody can have
// written what stands before it. Where all are proxies of ours it is the first one, and where one is no
// address, who passed it on.
func (p proxies) client(r *http.Request) (client netip.Addr, forwarded bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	client = plain(peer.Addr())
	if !p.trusted(client) {
		return client, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		address, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break
		}
		client, forwarded = address, true
		if !p.trusted(client) {
			break
		}
	}
	return client, forwarded
}

// parseHop reads an address with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return plain(withPort.Addr()), true
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return plain(address), err == nil
}

// plain is the one form of an address.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

// household is an address as far as limits go: whoever has one of IPv6 has all that share its first half.
func household(address netip.Addr) string {
	if !address.Is6() {
		return address.String()
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return address.String()
	}
	return prefix.String()
}
