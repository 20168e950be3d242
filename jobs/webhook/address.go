package webhook

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxURL   = 2048 // bytes
	maxHost  = 253  // bytes of a name in DNS
	maxLabel = 63   // bytes between its dots

	localhost = "localhost"
)

// CheckURL checks where somebody wants messages sent to, without asking DNS. Who passes may still be
// refused when a message is sent: Control knows the address. The error is for that person.
//
// One way of writing an address is taken, and one of writing a name: all that programs do not agree about
// is refused, be it decimal or octal numbers, full-width digits or percent signs.
func (p Policy) CheckURL(text string) error {
	if len(text) > maxURL {
		return refusedError(fmt.Sprintf("the URL has more than %d bytes", maxURL))
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return refusedError("the URL holds a space, or what is not ASCII: give new URL(url).href of JavaScript")
	}
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Scheme == "":
		return refusedError("this is not a URL such as https://app.example.com/webhooks")
	case address.Scheme != "https" && address.Scheme != "http":
		return refusedError("the URL does not begin with https://")
	case address.Host == "" || address.Hostname() == "":
		return refusedError("the URL has no host")
	case address.User != nil:
		return refusedError("the URL has a user or password: send them in a header")
	case strings.Contains(text, "#"):
		return refusedError("the URL has a fragment: what follows # is never sent")
	}
	return p.checkPlace(address)
}

// checkPlace checks scheme, host and port together, since each decides what the others may be.
func (p Policy) checkPlace(address *url.URL) error {
	host := strings.ToLower(address.Hostname())
	literal, err := netip.ParseAddr(host)
	isName := err != nil
	here := p.Loopback && (host == localhost || !isName && literal.IsLoopback())
	if address.Scheme == "http" && !p.AllowHTTP && !here {
		return refusedError("the URL does not begin with https://")
	}
	port, err := portOf(address)
	switch {
	case err != nil:
		return err
	case isName:
		return p.checkName(host, port)
	}
	return p.check(literal, port)
}

func portOf(address *url.URL) (uint16, error) {
	text := address.Port()
	switch {
	case text == "" && address.Scheme == "http":
		return 80, nil
	case text == "":
		return 443, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, refusedError("the URL's port is not a number from 1 to 65535")
	}
	return uint16(port), nil
}

// checkName checks a host that is no address. Where some networks are allowed, any name may lead there.
func (p Policy) checkName(host string, port uint16) error {
	name := strings.TrimSuffix(host, ".")
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	switch {
	case len(name) > maxHost || slices.ContainsFunc(labels, malformed):
		return refusedError("the URL's host is not a name of DNS")
	case last[0] >= '0' && last[0] <= '9':
		return refusedError("the URL's host looks like an address: write it as 203.0.113.7 or [2001:db8::7]")
	case p.Loopback && name == localhost:
		return nil
	case last == localhost:
		return refusedError("refused address: localhost is Freshet's own machine")
	case (last == "internal" || last == "local") && len(p.Allow) == 0:
		return refusedError("refused address: names that end in ." + last + " are not on the public internet")
	case len(p.Allow) > 0:
		return nil
	}
	return p.checkPort(port)
}

func malformed(label string) bool {
	strange := func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}
	return label == "" || len(label) > maxLabel || strings.ContainsFunc(label, strange)
}
