package webhook_test

import (
	"net/netip"
	"testing"

	"freshet/jobs/webhook"
)

// special are the ranges of IANA's special-purpose registries and of multicast, with the public addresses
// right before and after each. A neighbour that is empty is special too.
var special = []struct{ network, before, after string }{
	{"0.0.0.0/8", "", "1.0.0.0"},
	{"10.0.0.0/8", "9.255.255.255", "11.0.0.0"},
	{"100.64.0.0/10", "100.63.255.255", "100.128.0.0"},
	{"127.0.0.0/8", "126.255.255.255", "128.0.0.0"},
	{"169.254.0.0/16", "169.253.255.255", "169.255.0.0"},
	{"172.16.0.0/12", "172.15.255.255", "172.32.0.0"},
	{"192.0.0.0/24", "191.255.255.255", "192.0.1.0"},
	{"192.0.0.0/29", "", ""},
	{"192.0.0.8/32", "", ""},
	{"192.0.0.9/32", "", ""},
	{"192.0.0.10/32", "", ""},
	{"192.0.0.170/31", "", ""},
	{"192.0.2.0/24", "192.0.1.255", "192.0.3.0"},
	{"192.31.196.0/24", "192.31.195.255", "192.31.197.0"},
	{"192.52.193.0/24", "192.52.192.255", "192.52.194.0"},
	{"192.88.99.0/24", "192.88.98.255", "192.88.100.0"},
	{"192.168.0.0/16", "192.167.255.255", "192.169.0.0"},
	{"192.175.48.0/24", "192.175.47.255", "192.175.49.0"},
	{"198.18.0.0/15", "198.17.255.255", "198.20.0.0"},
	{"198.51.100.0/24", "198.51.99.255", "198.51.101.0"},
	{"203.0.113.0/24", "203.0.112.255", "203.0.114.0"},
	{"224.0.0.0/4", "223.255.255.255", ""},
	{"240.0.0.0/4", "", ""},
	{"255.255.255.255/32", "", ""},

	{"::/128", "", ""},
	{"::1/128", "", ""},
	{"::/96", "", ""},                  // an IPv4 address within, the oldest form
	{"::ffff:127.0.0.0/104", "", ""},   // mapped
	{"::ffff:169.254.0.0/112", "", ""}, // mapped
	{"::ffff:0:0:0/96", "", ""},        // translated, the older form
	{"64:ff9b::/96", "", ""},           // translated
	{"64:ff9b:1::/48", "", ""},         // translated, for local use
	{"100::/64", "", ""},               // discarded
	{"100:0:0:1::/64", "", ""},         // dummy
	{"2001::/23", "", "2001:200::"},    // protocols
	{"2001::/32", "", ""},              // Teredo
	{"2001:1::1/128", "", ""},          // anycast of PCP
	{"2001:1::2/128", "", ""},          // anycast of TURN
	{"2001:1::3/128", "", ""},          // anycast of DNS-SD
	{"2001:2::/48", "", ""},            // benchmarks
	{"2001:3::/32", "", ""},            // AMT
	{"2001:4:112::/48", "", ""},        // AS112
	{"2001:10::/28", "", ""},           // ORCHID
	{"2001:20::/28", "", ""},           // ORCHIDv2
	{"2001:30::/28", "", ""},           // remote identification
	{"2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
	{"2002::/16", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"}, // 6to4
	{"2620:4f:8000::/48", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::"},
	{"3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
	{"4000::/3", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""}, // not given out
	{"5f00::/16", "", ""}, // segment routing
	{"fc00::/7", "", ""},
	{"fe80::/10", "", ""},
	{"fec0::/10", "", ""},
	{"ff00::/8", "", ""},
}

// dial asks the hook as a net.Dialer does.
func dial(policy webhook.Policy, address netip.Addr, port uint16) error {
	network := "tcp6"
	if address.Is4() {
		network = "tcp4"
	}
	return policy.Control(network, netip.AddrPortFrom(address, port).String(), nil)
}

// lastOf is the last address of a network.
func lastOf(network netip.Prefix) netip.Addr {
	bytes := network.Masked().Addr().AsSlice()
	for bit := network.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

func TestSpecialAddressesAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range special {
		network := netip.MustParsePrefix(test.network)
		for _, address := range []netip.Addr{network.Addr(), lastOf(network), network.Addr().WithZone("lo")} {
			for _, policy := range []webhook.Policy{{}, {AllowHTTP: true}} {
				if dial(policy, address, 443) == nil {
					t.Errorf("%s of %s: let through", address, network)
				}
			}
		}
		for _, neighbour := range []string{test.before, test.after} {
			if neighbour == "" {
				continue
			}
			if err := dial(webhook.Policy{}, netip.MustParseAddr(neighbour), 443); err != nil {
				t.Errorf("%s beside %s: %v", neighbour, network, err)
			}
		}
	}
}

// An address of IPv4 is the same in whatever it is wrapped.
func TestWrappedAddressesAreRefused(t *testing.T) {
	t.Parallel()
	everything := webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")}}
	for _, test := range special {
		inner := netip.MustParsePrefix(test.network).Addr()
		if !inner.Is4() {
			continue
		}
		mapped, translated := inner.As16(), inner.As16()
		copy(translated[:12], []byte{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})
		if dial(webhook.Policy{}, netip.AddrFrom16(mapped), 443) == nil {
			t.Errorf("%s, mapped: let through", inner)
		}
		if dial(everything, netip.AddrFrom16(translated), 443) == nil {
			t.Errorf("%s, by an allowed translator: let through", inner)
		}
	}
	for policy, text := range map[*webhook.Policy]string{{}: "::ffff:1.0.0.1", &everything: "64:ff9b::1.0.0.1"} {
		if err := dial(*policy, netip.MustParseAddr(text), 443); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	private := webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fdaa::/16")}}
	local := webhook.Policy{Loopback: true}
	tests := []struct {
		policy webhook.Policy
		target string
		good   bool
	}{
		{private, "10.1.0.0:22", true},
		{private, "10.1.255.255:443", true},
		{private, "[::ffff:10.1.0.1]:443", true},
		{private, "10.2.0.0:443", false},
		{private, "127.0.0.1:443", false},
		{private, "169.254.169.254:443", false},
		{private, "[fdaa::3]:80", true},
		{private, "[fdaa::3%eth0]:80", false},
		{private, "[fdab::]:443", false},
		{private, "1.1.1.1:22", false},
		{local, "127.0.0.1:80", true},
		{local, "127.255.255.255:22", true},
		{local, "[::1]:3000", true},
		{local, "[::ffff:127.0.0.1]:3000", true},
		{local, "[::1%lo]:3000", false},
		{local, "0.0.0.0:3000", false},
		{local, "[::]:3000", false},
		{local, "10.1.0.1:3000", false},
		{local, "1.1.1.1:22", false},
		{local, "1.1.1.1:443", true},
	}
	for _, test := range tests {
		target := netip.MustParseAddrPort(test.target)
		if err := dial(test.policy, target.Addr(), target.Port()); (err == nil) != test.good {
			t.Errorf("%s with %+v: %v", target, test.policy, err)
		}
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	for port, good := range map[uint16]bool{0: false, 22: false, 25: false, 80: false, 443: true, 444: false, 1023: false, 1024: true, 8443: true, 65535: true} {
		if err := dial(webhook.Policy{}, netip.MustParseAddr("1.1.1.1"), port); (err == nil) != good {
			t.Errorf("port %d: %v", port, err)
		}
	}
	if err := dial(webhook.Policy{AllowHTTP: true}, netip.MustParseAddr("1.1.1.1"), 80); err != nil {
		t.Errorf("http: %v", err)
	}
}

func TestOnlyTCP(t *testing.T) {
	t.Parallel()
	for _, target := range [][2]string{{"udp4", "1.1.1.1:443"}, {"unix", "/run/postgresql"}, {"tcp4", "localhost:443"}, {"tcp4", "1.1.1.1"}, {"tcp4", ""}} {
		if (webhook.Policy{}).Control(target[0], target[1], nil) == nil {
			t.Errorf("%v: let through", target)
		}
	}
}
