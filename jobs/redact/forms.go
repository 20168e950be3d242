package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

const (
	minSecret = 6 // bytes
	minLine   = 8 // of a value of several lines
)

// secretsOf are the secrets in a value.
func secretsOf(value string) []string {
	value = strings.TrimSpace(value)
	address, err := url.Parse(value)
	switch {
	case len(value) < minSecret:
		return nil
	case err == nil && bare(address):
		return nil
	}
	secrets := []string{value}
	if err == nil && address.User != nil {
		password, _ := address.User.Password()
		if len(password) >= minSecret && password != address.User.Username() && password != address.Scheme {
			secrets = append(secrets, password)
		}
	}
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= minLine {
				secrets = append(secrets, line)
			}
		}
	}
	return secrets
}

// bare tells whether an address is that of a web server, and no more.
func bare(address *url.URL) bool {
	return (address.Scheme == "http" || address.Scheme == "https") && address.Host != "" &&
		address.User == nil && strings.Trim(address.Path, "/") == "" && address.RawQuery == "" && address.Fragment == ""
}

// forms are the needles of a secret, some of them more than once.
func forms(secret string) []string {
	all := append(base64Forms(secret), secret)
	if strings.ContainsFunc(secret, escaped) {
		all = append(append(all, quotedForms(secret)...), percentForms(secret)...)
	}
	return all
}

// escaped tells whether anything that quotes or encodes may change a character.
func escaped(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
		return false
	default:
		return true
	}
}

// quotedForms are a secret inside the quotes of some languages.
func quotedForms(secret string) []string {
	plain, forHTML := jsonQuoted(secret, false), jsonQuoted(secret, true)
	return []string{
		plain, forHTML,
		jsonQuoted(plain, false), jsonQuoted(forHTML, true), // JSON in JSON
		asciiQuoted(plain),
		strings.ReplaceAll(plain, "/", `\/`), // PHP
		inner(strconv.Quote(secret)),
		inner(strconv.QuoteToASCII(secret)),
		strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(secret), // JavaScript, Python
		strings.ReplaceAll(secret, `'`, `'\''`),                                                       // the shell
	}
}

// jsonQuoted is as JSON.stringify and most libraries write it, or with the escapes that are for HTML.
func jsonQuoted(text string, html bool) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(html)
	if err := encoder.Encode(text); err != nil {
		panic(err) // no string fails
	}
	quoted := inner(strings.TrimSuffix(out.String(), "\n"))
	if html {
		return quoted
	}
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(quoted) // Go alone escapes these
}

// asciiQuoted escapes what is not ASCII, as Python and PHP do.
func asciiQuoted(quoted string) string {
	var out strings.Builder
	for _, r := range quoted {
		if r < 0x80 {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}

// inner is a quoted text without its quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// percentForms are a secret in an address, or in the body of a form. What is left as it is, besides letters,
// digits and -_., depends on the language and the place.
func percentForms(secret string) []string {
	var all []string
	for _, kept := range []string{
		"~", "~/", // RFC 3986, Go and curl; Python
		"~!*'()", "~!*'();/?:@&=+$,#", // encodeURIComponent, encodeURI
		"~$&+:=@", "~$&+,;=", // a path and a password in Go
		"*", // a form in Java and in browsers
	} {
		for _, digits := range []string{"0123456789ABCDEF", "0123456789abcdef"} {
			encoded := percent(secret, kept, digits)
			all = append(all, encoded, strings.ReplaceAll(encoded, "%20", "+"))
		}
	}
	return all
}

func percent(text, kept, digits string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if escaped(rune(b)) && strings.IndexByte(kept, b) < 0 {
			out.Write([]byte{'%', digits[b>>4], digits[b&15]})
		} else {
			out.WriteByte(b)
		}
	}
	return out.String()
}

// base64Forms are a secret that was encoded alone, in lines too, and as a part of something longer.
func base64Forms(secret string) []string {
	var all []string
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		whole := encoding.EncodeToString([]byte(secret))
		all = append(all, whole, strings.TrimRight(whole, "="), wrapped(whole, 76), wrapped(whole, 64))
		for before := range 3 {
			if form := aligned(encoding, secret, before); len(form) >= minSecret {
				all = append(all, form)
			}
		}
	}
	return all
}

// aligned are the characters that hold nothing but bits of the secret when so many bytes, and any multiple
// of three, come before it.
func aligned(encoding *base64.Encoding, secret string, before int) string {
	const perByte, perCharacter = 8, 6
	encoded := encoding.WithPadding(base64.NoPadding).EncodeToString([]byte("\x00\x00"[:before] + secret))
	first := (before*perByte + perCharacter - 1) / perCharacter
	return encoded[first : (before+len(secret))*perByte/perCharacter]
}

// wrapped is a text in lines of so many characters, as base64(1) and openssl write it.
func wrapped(text string, width int) string {
	var out strings.Builder
	for len(text) > width {
		out.WriteString(text[:width] + "\n")
		text = text[width:]
	}
	return out.String() + text
}
