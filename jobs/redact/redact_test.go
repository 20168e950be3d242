package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

const secret = `p@ss "wörd"/<3&\`

func TestForms(t *testing.T) {
	t.Parallel()
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(string(quoted))
	if err != nil {
		t.Fatal(err)
	}
	var lower strings.Builder
	for _, b := range []byte(secret) {
		if strings.IndexByte("ps", b) >= 0 || b == 'w' || b == 'r' || b == 'd' || b == '3' {
			lower.WriteByte(b)
		} else {
			fmt.Fprintf(&lower, "%%%02x", b)
		}
	}
	for name, form := range map[string]string{
		"as it is":           secret,
		"JSON of Go":         string(quoted),
		"JSON in JSON":       `"p@ss \\\"wörd\\\"/<3&\\\\"`,
		"JSON of Go, twice":  string(twice),
		"JSON of JavaScript": `"p@ss \"wörd\"/<3&\\"`,
		"JSON of Python":     `"p@ss \"w\u00f6rd\"/<3&\\"`,
		"JSON of PHP":        `"p@ss \"wörd\"\/<3&\\"`,
		"Go":                 strconv.Quote(secret),
		"ASCII of Go":        strconv.QuoteToASCII(secret),
		"JavaScript":         `'p@ss "wörd"/<3&\\'`,
		"query":              "token=" + url.QueryEscape(secret) + "&x=1",
		"path":               "/a/" + url.PathEscape(secret) + "/b",
		"component":          "p%40ss%20%22w%C3%B6rd%22%2F%3C3%26%5C",
		"lower":              lower.String(),
		"user":               url.UserPassword("me", secret).String(),
	} {
		got := New(secret).String("before " + form + " after")
		if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || !strings.Contains(got, Marker) ||
			strings.Contains(got, "rd") {
			t.Errorf("%s: %s became %s", name, form, got)
		}
	}
}

// In base64 a secret is found wherever it lies in what was encoded.
func TestBase64(t *testing.T) {
	t.Parallel()
	secrets := New("hunter2-hunter2")
	for before := range 7 {
		for after := range 4 {
			text := strings.Repeat("u", before) + "hunter2-hunter2" + strings.Repeat("v", after)
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				encoded := encoding.EncodeToString([]byte(text))
				got := secrets.String(encoded)
				if !strings.Contains(got, Marker) || len(strings.ReplaceAll(got, Marker, "")) > len(encoded)-19 {
					t.Errorf("%s (%s) became %s", encoded, text, got)
				}
			}
		}
	}
	if got := secrets.String(base64.StdEncoding.EncodeToString([]byte("hunter2-hunter2"))); got != Marker {
		t.Errorf("the secret alone became %s", got)
	}
	long := strings.Repeat("a long secret ", 9)
	encoded := base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(long)))
	for _, width := range []int{64, 76} {
		if got := New(long).String(wrapped(encoded, width)); got != Marker {
			t.Errorf("in lines of %d: %s", width, got)
		}
	}
}

func TestWhatIsASecret(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nabc\n-----END KEY-----\n"
	tests := map[string]struct {
		value string
		text  string
		want  string
	}{
		"short":          {"12345", "12345", "12345"},
		"six bytes":      {"123456", "x123456x", "x[redacted]x"},
		"blanks around":  {"  hunter22\n", "hunter22", "[redacted]"},
		"blanks alone":   {"          ", "a           b", "a           b"},
		"an origin":      {"https://app.example.com:8443/", "see https://app.example.com:8443/x", "see https://app.example.com:8443/x"},
		"a hook":         {"https://hooks.example.com/T0/B0", "see https://hooks.example.com/T0/B0", "see [redacted]"},
		"a query":        {"https://example.com?key=1", "https://example.com?key=1", "[redacted]"},
		"a database":     {"postgres://me:hunter22@db/app", "password hunter22 of me", "password [redacted] of me"},
		"no password":    {"postgres://app:postgres@db/app", "postgres of postgres://app:postgres@db/app", "postgres of [redacted]"},
		"a server":       {"tcp://10.0.0.1:80", "tcp://10.0.0.1:80", "[redacted]"},
		"lines":          {key, "> MIIEvQIBADANBgkqhkiG9w0BAQ\r\n> abc\n", "> [redacted]\r\n> abc\n"},
		"all lines":      {key, key, "[redacted]\n"},
		"overlap":        {"abcabcabc", "xabcabcabcabcabcy", "x[redacted]y"},
		"twice":          {"hunter22", "hunter22hunter22", "[redacted][redacted]"},
		"cannot be seen": {"\xff\xfe\x00\x01\x02\x03\x04", "a\xff\xfe\x00\x01\x02\x03\x04b", "a[redacted]b"},
	}
	for name, test := range tests {
		if got := New(test.value).String(test.text); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if r := New("", "12345"); r != nil {
		t.Error("what knows no secret is not nil")
	}
}

func TestNothingIsCopiedInVain(t *testing.T) {
	t.Parallel()
	text := []byte(`{"a text": "without them, \n though"}`)
	for name, secrets := range map[string]*Redactor{"none": nil, "some": New("hunter22")} {
		stream := secrets.Stream()
		if got := secrets.Bytes(text); &got[0] != &text[0] || len(got) != len(text) {
			t.Errorf("%s: a copy", name)
		}
		if got := stream.Pass(text); &got[0] != &text[0] || len(got) != len(text) {
			t.Errorf("%s: a copy in a stream", name)
		}
	}
}

// A stream holds back what may be a secret's beginning, and nothing else.
func TestStreamHoldsBack(t *testing.T) {
	t.Parallel()
	steps := []struct{ piece, want string }{
		{"a line\n", "a line\n"},
		{"with hunt", "with "},
		{"ing\n", "hunting\n"},
		{"pass hun", "pass "},
		{"", ""},
		{"ter2", ""},
		{"2, and h", "[redacted], and "},
		{"u", ""},
	}
	stream := New("hunter22").Stream()
	for _, step := range steps {
		if got := string(stream.Pass([]byte(step.piece))); got != step.want {
			t.Errorf("%q: %q; want %q", step.piece, got, step.want)
		}
	}
	if got := string(stream.Rest()); got != "hu" {
		t.Errorf("rest %q", got)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	secrets := New(`say "friend"`, "12345678")
	for given, want := range map[string]string{
		`{"a":1,"b":[true,null,"x\ny"]}`:            `{"a":1,"b":[true,null,"x\ny"]}`,
		`{"word":"say \"friend\"!","n":1}`:          `{"word":"[redacted]!","n":1}`,
		`{"\u0073ay \u0022friend\u0022":["x"]}`:     `{"[redacted]":["x"]}`,
		`[12345678, 123456789.5, 1.50, "12345678"]`: `["[redacted]","[redacted]",1.50,"[redacted]"]`,
		`"say \"friend\""`:                          `"[redacted]"`,
		`{"a":"\\","a":2}`:                          `{"a":"\\","a":2}`,
		`no json 12345678`:                          `no json [redacted]`,
		``:                                          ``,
	} {
		if got := string(secrets.JSON([]byte(given))); got != want {
			t.Errorf("%s became %s; want %s", given, got, want)
		}
	}
}

// naive does what the package promises, in the simplest way: every byte of every needle goes.
func naive(needles []string, text string) string {
	secret := make([]bool, len(text))
	begins := make([]bool, len(text)+1) // a needle that no earlier one covers
	for start := range len(text) {
		for _, needle := range needles {
			if strings.HasPrefix(text[start:], needle) {
				begins[start] = begins[start] || !secret[start]
				for i := range needle {
					secret[start+i] = true
				}
			}
		}
	}
	var out strings.Builder
	for i := range len(text) {
		if begins[i] {
			out.WriteString(Marker)
		}
		if !secret[i] {
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// FuzzStream holds any splits of any text against the simplest way.
func FuzzStream(f *testing.F) {
	f.Add("hunter22", "abcabcabc", "xhunter22hunter22abcabcabcabc", []byte{3, 1, 200})
	f.Add("hunter22", "hunter22-and-more", "hunter22-and-mor hunter22-and-more", []byte{1, 1, 1, 1, 1, 1, 1, 1})
	f.Add("aaaaaa", "aaaaaaa", strings.Repeat("a", 50), []byte{9, 2, 30})
	f.Add("a\nb c\"d/", "ümläut%", "a%0Ab%20c%22d%2F YQpiIGMiZC8= a\\nb c\\\"d/", []byte{5, 30})
	f.Fuzz(func(t *testing.T, one, other, text string, cuts []byte) {
		secrets := New(one, other)
		if secrets == nil || len(secrets.needles)*secrets.longest > 1<<16 || len(text) > 1<<10 {
			t.Skip()
		}
		want := naive(secrets.needles, text)
		if got := secrets.String(text); got != want {
			t.Fatalf("secrets %q, %q in %q: %q; want %q", one, other, text, got, want)
		}
		var got bytes.Buffer
		stream, left := secrets.Stream(), []byte(text)
		for _, cut := range cuts {
			n := min(int(cut), len(left))
			got.Write(stream.Pass(left[:n:n]))
			left = left[n:]
		}
		got.Write(stream.Pass(left))
		got.Write(stream.Rest())
		if got.String() != want {
			t.Fatalf("secrets %q, %q in %q, cut at %v: %q; want %q", one, other, text, cuts, got.String(), want)
		}
	})
}

// FuzzJSON: JSON stays JSON, and no string of it holds a needle that was there.
func FuzzJSON(f *testing.F) {
	f.Add("hunter22", `{"a":"hunter22","hunter22":[1,"\u0068unter22"]}`)
	f.Add("123456", `[123456,{"x":1234567}]`)
	f.Fuzz(func(t *testing.T, value, text string) {
		got := New(value).JSON([]byte(text))
		if json.Valid([]byte(text)) && !json.Valid(got) {
			t.Fatalf("%q in %s: %s", value, text, got)
		}
		secret := strings.TrimSpace(value)
		var decoded any
		if New(value) == nil || strings.ContainsAny(secret, Marker) || json.Unmarshal(got, &decoded) != nil {
			return
		}
		if holds(decoded, secret) {
			t.Fatalf("%q survived in %s: %s", value, text, got)
		}
	})
}

func holds(value any, secret string) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(v, secret)
	case []any:
		for _, item := range v {
			if holds(item, secret) {
				return true
			}
		}
	case map[string]any:
		for name, item := range v {
			if strings.Contains(name, secret) || holds(item, secret) {
				return true
			}
		}
	}
	return false
}

// manySecrets are such as a kind may have.
func manySecrets() *Redactor {
	values := []string{"postgres://app:S3cr3t%2Fpass@db.internal:5432/app?sslmode=require"}
	for i := range 19 {
		values = append(values, fmt.Sprintf("sk_live_%02d_%s", i, base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "key %d of many more", i*7919))))
	}
	return New(values...)
}

func BenchmarkStream(b *testing.B) {
	var text bytes.Buffer
	for i := 0; text.Len() < 1<<20; i++ {
		fmt.Fprintf(&text, "2026-11-22T10:%02d:%02dZ info  rendered page %d of the report, the key of the cache was %x\n", i/60%60, i%60, i, i*104729)
	}
	const piece = 32 << 10
	for name, secrets := range map[string]*Redactor{"none": nil, "twenty": manySecrets()} {
		b.Run(name, func(b *testing.B) {
			stream := secrets.Stream()
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				for left := text.Bytes(); len(left) > 0; left = left[min(piece, len(left)):] {
					stream.Pass(left[:min(piece, len(left))])
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		manySecrets()
	}
}
