package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"freshet/jobs"
)

// Auth is who else than Freshet itself says who a user is.
type Auth struct {
	Issuers []jobs.Issuer // whose JWTs are taken
}

func authShape() shape[Auth] {
	return object(
		field("jwt", "The issuers whose JWTs are taken.", list(issuerShape()).then(checkIssuers),
			func(a *Auth) *[]jobs.Issuer { return &a.Issuers }),
	)
}

func issuerShape() shape[jobs.Issuer] {
	type i = jobs.Issuer
	return object(
		field("issuer", "The claim iss of its tokens, letter by letter.", something("https://app.example.com"),
			func(i *i) *string { return &i.Name }).must(),
		field("jwksUrl", "Where its public keys are, as a JWK set. It is https, unless the host is this one.", keysAddress(),
			func(i *i) *string { return &i.KeysURL }).must(),
		field("audience", "The claim aud that its tokens have when they are meant for Freshet.", something("freshet"),
			func(i *i) *string { return &i.Audience }).must(),
		field("algorithms", "With which it signs. There are only those with a public key.", list(algorithm()).then(one),
			func(i *i) *[]string { return &i.Algorithms }).must(),
	)
}

// something is text that is not empty.
func something(example string) shape[string] {
	return matching(regexp.MustCompile(`^.{1,1000}$`), "text", example)
}

// algorithm is one of RFC 7518 and RFC 8037 whose keys come in pairs.
func algorithm() shape[string] {
	return choice("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
}

func one(r *reader, at place, n *node, algorithms *[]string) {
	if len(*algorithms) == 0 {
		r.fail(at, n, "must have one at least, such as ES256")
	}
}

// keysAddress is an address whose answer nobody on the way can change.
func keysAddress() shape[string] {
	const expected, example = "an https address", "https://app.example.com/.well-known/jwks.json"
	return matching(regexp.MustCompile(`^https?://`), expected, example).then(func(r *reader, at place, n *node, value *string) {
		parsed, err := url.Parse(*value)
		switch {
		case err != nil || parsed.Hostname() == "" || parsed.User != nil || strings.Contains(*value, "#"):
			r.fail(at, n, "%s must be %s such as %s", quote(*value), expected, example)
		case parsed.Scheme != "https" && !loopback(parsed.Hostname()):
			r.fail(at, n, "%s must be https: who can change the answer can sign in as anybody", quote(*value))
		}
	})
}

func loopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

// checkIssuers refuses an issuer that stands twice: it would not be clear which entry counts.
func checkIssuers(r *reader, at place, n *node, issuers *[]jobs.Issuer) {
	known := map[string]bool{}
	for i, issuer := range *issuers {
		if known[issuer.Name] {
			r.fail(at.item(i).key("issuer"), n.items[i].nearest("issuer"), "%s stands twice here; remove one", quote(issuer.Name))
		}
		known[issuer.Name] = true
	}
}

// proxies is a network all of whose hosts may say whom a request comes from.
func proxies() shape[netip.Prefix] {
	return network().then(func(r *reader, at place, n *node, network *netip.Prefix) {
		switch {
		case network.Bits() == 0:
			r.fail(at, n, "%s is everybody, and everybody could say to be anybody; name the proxies", quote(n.text))
		case network.Addr().Is4In6():
			r.fail(at, n, "%s is of IPv4; write it so", quote(n.text))
		}
	})
}
