package webhook_test

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"freshet/jobs/webhook"
)

func TestGoodURLs(t *testing.T) {
	t.Parallel()
	private := webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	local, plain := webhook.Policy{Loopback: true}, webhook.Policy{AllowHTTP: true}
	tests := []struct {
		policy webhook.Policy
		url    string
	}{
		{url: "https://app.example.com/webhooks?token=a%20b"},
		{url: "HTTPS://APP.Example.COM"},
		{url: "https://example.com."},
		{url: "https://xn--bcher-kva.example/"},
		{url: "https://my_app.example.com:8443/"},
		{url: "https://example.com:3000"},
		{url: "https://1.1.1.1/"},
		{url: "https://[2606:4700::1111]/"},
		{url: "https://[::ffff:1.1.1.1]/"},
		{url: "https://app/"},
		{url: "https://127.0.0.1.example.com/"},
		{url: "https://example.com/" + strings.Repeat("a", 2048-len("https://example.com/"))},
		{plain, "http://example.com/"},
		{plain, "http://example.com:8080/"},
		{local, "http://localhost:3000/api/webhooks"},
		{local, "http://127.0.0.1:80/"},
		{local, "http://[::1]:22/"},
		{local, "https://localhost"},
		{private, "https://10.1.2.3:9/"},
		{private, "https://app.internal:81/"},
		{private, "https://app.local/"},
	}
	for _, test := range tests {
		if err := test.policy.CheckURL(test.url); err != nil {
			t.Errorf("%.80s: %v", test.url, err)
		}
	}
}

func TestBadURLs(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"ASCII": {
			" https://example.com", "https://example.com/\x00", "https://example.com/\n", "https://example.com/ü", "https://example.com/\xff",
			"https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://１２７.0.0.1/", "https://127．0．0．1/", "https://ⓛocalhost/",
		},
		"not a URL": {
			"", "example.com", "/webhooks", "https://[::1", "https://example.com:port/", "https://exa%6dple.com/", "https://%31%32%37.0.0.1/",
			`https://example.com\@127.0.0.1/`, "https://example.com/%zz", "https://[fe80::1%lo]/",
		},
		"begin with https://": {"http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_", "javascript:alert(1)", "localhost:3000"},
		"no host":             {"https://", "https:///webhooks", "https:example.com", "https://:443/", "https://?x"},
		"password":            {"https://user@example.com/", "https://user:pass@example.com/", "https://example.com@127.0.0.1/", "https://@example.com/"},
		"fragment":            {"https://example.com/#top", "https://example.com#"},
		"2048 bytes":          {"https://example.com/" + strings.Repeat("a", 2048)},
		"port":                {"https://example.com:0/", "https://example.com:65536/", "https://example.com:22/", "https://1.1.1.1:25/", "https://example.com:80/"},
		"name of DNS": {
			"https://example..com/", "https://.example.com/", "https://exa!mple.com/", "https://./", "https://example.com../",
			"https://%E2%91%A0.example.com/", "https://" + strings.Repeat("a", 64) + ".com/", "https://" + strings.Repeat("a.", 128) + "com/",
		},
		"looks like an address": {
			"https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://0X7F.1/", "https://127.1/", "https://127.0.1/",
			"https://0177.0.0.1/", "https://127.0.0.1./", "https://127.0.0.01/", "https://1.1.1.1./", "https://127.0.0.0x1/", "https://256.256.256.256/",
			"https://0/", "https://00000000000000000000000000000000000000000000000177.1/",
		},
		"refused address": {
			"https://127.0.0.1/", "https://0.0.0.0/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[::]/", "https://[::1]/",
			"https://[::FFFF:7F00:1]/", "https://[0:0:0:0:0:ffff:127.0.0.1]/", "https://[::127.0.0.1]/", "https://[fe80::1%25lo]/",
			"https://[2606:4700::1111%25lo]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fec0::1]/",
			"https://localhost/", "https://LOCALHOST./", "https://app.localhost/", "https://metadata.google.internal/", "https://printer.local/",
		},
	}
	for want, urls := range tests {
		for _, text := range urls {
			if err := (webhook.Policy{}).CheckURL(text); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.80q: %v; want %s", text, err, want)
			}
		}
	}
}

func TestExceptionsAreNoMore(t *testing.T) {
	t.Parallel()
	private := webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	local, plain := webhook.Policy{Loopback: true}, webhook.Policy{AllowHTTP: true}
	tests := []struct {
		policy webhook.Policy
		url    string
	}{
		{local, "http://example.com/"},
		{local, "http://app.localhost:3000/"},
		{local, "https://app.internal/"},
		{local, "https://10.0.0.1/"},
		{local, "https://127.1/"},
		{local, "https://0.0.0.0/"},
		{local, "https://example.com:22/"},
		{private, "https://127.0.0.1/"},
		{private, "https://localhost/"},
		{private, "http://10.0.0.1/"},
		{private, "https://11.0.0.1:22/"},
		{plain, "http://127.0.0.1/"},
		{plain, "http://localhost/"},
		{plain, "http://example.com:22/"},
	}
	for _, test := range tests {
		if test.policy.CheckURL(test.url) == nil {
			t.Errorf("%s with %+v: let through", test.url, test.policy)
		}
	}
}

func TestErrorsDoNotShowTheURL(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"http://x/hunter2", "https://user:hunter2@x/", "https://x/hunter2#", "https://x:22/hunter2", "https://localhost/hunter2", "https://x/%zzhunter2"} {
		if err := (webhook.Policy{}).CheckURL(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// legacy reads an address of IPv4 as the oldest C libraries and the browsers do: one to four numbers,
// decimal, octal or hex, of which the last one fills what is left.
func legacy(host string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var address uint64
	for i, part := range parts {
		number, err := strconv.ParseUint(part, 0, 64)
		if err != nil {
			number, err = strconv.ParseUint(part, 10, 64)
		}
		if err != nil || strings.ContainsAny(part, "_oObB") && !strings.HasPrefix(strings.ToLower(part), "0x") {
			return netip.Addr{}, false
		}
		if i < len(parts)-1 {
			address |= (number & 0xff) << (24 - 8*i)
		} else {
			address |= number
		}
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}), true
}

// meant is the address that some program could take a host for.
func meant(host string) (netip.Addr, bool) {
	if decoded, err := url.PathUnescape(host); err == nil {
		host = decoded
	}
	host = strings.ReplaceAll(norm.NFKC.String(host), "。", ".")
	if address, err := netip.ParseAddr(host); err == nil {
		return address.WithZone(""), true
	}
	return legacy(host)
}

func TestMeant(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "2130706433", "017700000001", "0x7f000001", "127.1", "127.0.0.1.", "①②⑦。⓪.⓪．①", "%31%32%37.0.0.1"} {
		if got, ok := meant(host); !ok || got.String() != "127.0.0.1" {
			t.Errorf("%s: %s, %t", host, got, ok)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, host := range []string{
		"example.com", "127.0.0.1", "①②⑦.⓪.⓪.①", "127。0。0。1", "0.0.0.0", "[::]", "[fe80::1%25lo]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1",
		"0177.0.0.1", "127.0.0.1.", "example.com@127.0.0.1", "user:pass@10.0.0.1:8443", "%31%32%37.0.0.1", "localhost", "1.1.1.1:22", "app.internal",
	} {
		for _, scheme := range []string{"https", "http", "HTTPS"} {
			f.Add(fmt.Sprintf("%s://%s/path?query#", scheme, host))
			f.Add(fmt.Sprintf("%s://%s", scheme, host))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if (webhook.Policy{}).CheckURL(text) != nil {
			return
		}
		address, err := url.Parse(text)
		if err != nil || address.Scheme != "https" || address.User != nil || address.Fragment != "" {
			t.Fatalf("let through: %q", text)
		}
		literal, ok := meant(address.Hostname())
		if ok && dial(webhook.Policy{}, literal, 443) != nil {
			t.Fatalf("let through: %q, which is %s", text, literal)
		}
	})
}
