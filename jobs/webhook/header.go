package webhook

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	maxHeaders     = 20
	maxHeaderBytes = 4 << 10 // names and values together
)

// CheckHeaders checks the headers that somebody wants sent with each message. The error is for that
// person, and does not show the values, which may be secrets.
func CheckHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return fmt.Errorf("there are more than %d headers", maxHeaders)
	}
	size := 0
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value, canonical := headers[name], http.CanonicalHeaderKey(name)
		switch {
		case name == "" || strings.ContainsFunc(name, notToken):
			return fmt.Errorf("%.100q is not the name of a header", name)
		case reserved(canonical):
			return fmt.Errorf("header %s is Freshet's own to set", canonical)
		case seen[canonical]:
			return fmt.Errorf("header %s is given twice", canonical)
		case strings.ContainsFunc(value, notPrintable) || strings.TrimSpace(value) != value:
			return fmt.Errorf("the value of header %s is not printable ASCII, or begins or ends with a space", canonical)
		}
		seen[canonical] = true
		size += len(name) + len(value)
	}
	if size > maxHeaderBytes {
		return errors.New("the headers have more than 4 KiB together")
	}
	return nil
}

// addHeaders adds what a user may set, whatever CheckHeaders was in force when it was registered.
func addHeaders(header, own http.Header) error {
	for name, values := range own {
		canonical := http.CanonicalHeaderKey(name)
		unprintable := func(value string) bool { return strings.ContainsFunc(value, notPrintable) }
		switch {
		case name == "" || strings.ContainsFunc(name, notToken) || slices.ContainsFunc(values, unprintable):
			return refusedError("a header of the endpoint cannot be sent")
		case !reserved(canonical):
			header[canonical] = values
		}
	}
	return nil
}

// reserved tells whether a header is not for users: it says what is in a message and who sent it, or how
// a connection is used.
func reserved(canonical string) bool {
	switch canonical {
	case "Host", "User-Agent", "Accept-Encoding", "Connection", "Keep-Alive", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Http2-Settings", "Expect":
		return true
	}
	own := func(prefix string) bool { return strings.HasPrefix(canonical, prefix) }
	return slices.ContainsFunc([]string{"Webhook-", "Content-", "Proxy-"}, own)
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

func notToken(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}
