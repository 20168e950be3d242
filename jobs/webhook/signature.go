package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed message.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Tolerance is how old a message may be, and how far its sender's clock ahead.
const Tolerance = 5 * time.Minute

// SecretPrefix is how a secret begins.
const SecretPrefix = "whsec_"

const (
	minSecret = 24 // bytes
	maxSecret = 64
	version   = "v1,"
)

// What Verify refuses.
var (
	ErrUnsigned = errors.New("the message is not signed")
	ErrTooOld   = errors.New("the message is too old, or its clock is wrong")
	ErrForged   = errors.New("the message was signed with another secret, or changed")
)

// Secrets are what messages are signed with: one, or several while one is being replaced. The zero value
// has none.
type Secrets struct{ keys [][]byte }

// ParseSecrets reads secrets that are separated by spaces or commas. Each is "whsec_" and 24 to 64 bytes
// in base64. Errors do not show them. Text without any gives the zero value.
func ParseSecrets(text string) (Secrets, error) {
	var secrets Secrets
	for i, one := range Fields(text) {
		encoded, prefixed := strings.CutPrefix(one, SecretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !prefixed || err != nil || len(key) < minSecret || len(key) > maxSecret {
			return Secrets{}, fmt.Errorf("secret %d is not %s and %d to %d bytes in base64", i+1, SecretPrefix, minSecret, maxSecret)
		}
		secrets.keys = append(secrets.keys, key)
	}
	return secrets, nil
}

// Fields are the secrets in a text, as they stand there.
func Fields(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
}

// Known tells whether there is a secret.
func (s Secrets) Known() bool { return len(s.keys) > 0 }

// String shows how many there are. A secret must not come into a log.
func (s Secrets) String() string { return fmt.Sprintf("%d secrets", len(s.keys)) }

// GoString is String, for %#v.
func (s Secrets) GoString() string { return s.String() }

// Sign puts the headers of a message on a request. The id must not contain a dot.
func (s Secrets) Sign(header http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(s.keys))
	for i, key := range s.keys {
		signatures[i] = version + base64.StdEncoding.EncodeToString(digest(key, id, timestamp, body))
	}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, timestamp)
	header.Set(HeaderSignature, strings.Join(signatures, " "))
}

// Verify checks a message and answers its id. The error is one of those above: do not act on the message.
func (s Secrets) Verify(header http.Header, body []byte, now time.Time) (id string, err error) {
	id, timestamp := header.Get(HeaderID), header.Get(HeaderTimestamp)
	signatures := strings.Fields(header.Get(HeaderSignature))
	if id == "" || timestamp == "" || len(signatures) == 0 {
		return "", ErrUnsigned
	}
	if strings.Contains(id, ".") {
		return "", ErrForged // a part of it could be what was signed as the time or the body
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return "", ErrTooOld
	}
	for _, key := range s.keys {
		want := digest(key, id, timestamp, body)
		if slices.ContainsFunc(signatures, func(signature string) bool { return matches(signature, want) }) {
			return id, nil
		}
	}
	return "", ErrForged
}

// matches compares in constant time. Signatures of other versions are passed over.
func matches(signature string, want []byte) bool {
	encoded, known := strings.CutPrefix(signature, version)
	given, err := base64.StdEncoding.DecodeString(encoded)
	return known && err == nil && hmac.Equal(given, want)
}

func digest(key []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
