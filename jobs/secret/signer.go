package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// SignatureSize is the length of a signature, in bytes.
const SignatureSize = sha256.Size

// Signer signs lists of fields for one purpose: HMAC-SHA-256 over the purpose and the fields, each with
// its length before it, so that no two lists are signed alike. It is safe for use by many goroutines.
type Signer struct {
	purpose string
	key     []byte
}

// NewSigner makes a signer from a key of its own.
func NewSigner(purpose string, key []byte) *Signer { return &Signer{purpose, key} }

// Sign returns the signature of fields.
func (s *Signer) Sign(fields ...string) []byte {
	mac := hmac.New(sha256.New, s.key)
	write := func(field string) {
		_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field)))) // never fails
		_, _ = mac.Write([]byte(field))
	}
	write(s.purpose)
	for _, field := range fields {
		write(field)
	}
	return mac.Sum(nil)
}

// Verify tells whether Sign made the signature of these fields. It takes as long for a wrong one.
func (s *Signer) Verify(signature []byte, fields ...string) bool {
	return hmac.Equal(signature, s.Sign(fields...))
}
