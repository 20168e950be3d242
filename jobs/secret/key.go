package secret

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// KeySize is the length of a Key, in bytes.
const KeySize = 32

// Key is the operator's own key, FRESHET_SECRET_KEY.
type Key [KeySize]byte

var errKey = errors.New("secret key: must be 32 bytes, as base64 or hex: make one with openssl rand -base64 32")

// ParseKey reads a key from hex or from base64 of either alphabet, padded or not. The error never shows
// the text.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == KeySize {
		return Key(raw), nil
	}
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil || len(raw) != KeySize {
		return Key{}, errKey
	}
	return Key(raw), nil
}

// String hides the key from logs.
func (Key) String() string { return "secret.Key(hidden)" }

// GoString hides it from %#v too.
func (k Key) GoString() string { return k.String() }
