package secret

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrWrongKey: none of the keys of the box opens the secret, or it was wrapped for another purpose.
var ErrWrongKey = errors.New("wrapped under another secret key, or damaged")

// version begins every wrapped secret, so that another cipher can follow one day.
const version = 1

// Box wraps secrets for keeping: AES-256-GCM, bound to their purpose. It is safe for use by many
// goroutines.
type Box struct {
	ciphers []cipher.AEAD // the first one wraps, all unwrap
}

// NewBox makes a box that wraps under current and unwraps what current or one of earlier has wrapped.
func NewBox(current Key, earlier ...Key) *Box {
	box := &Box{}
	for _, key := range append([]Key{current}, earlier...) {
		box.ciphers = append(box.ciphers, newCipher(key))
	}
	return box
}

func newCipher(key Key) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for a key of another size
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a block of another size
	}
	return aead
}

// Wrap encrypts a secret for its purpose.
func (b *Box) Wrap(purpose string, plain []byte) []byte {
	return b.ciphers[0].Seal([]byte{version}, nil, plain, []byte(purpose)) //nolint:gosec // the cipher makes its own nonces
}

// Unwrap gives back what Wrap was given for the same purpose. Errors: ErrWrongKey.
func (b *Box) Unwrap(purpose string, wrapped []byte) ([]byte, error) {
	if len(wrapped) == 0 || wrapped[0] != version {
		return nil, fmt.Errorf("secret for %s: %w", purpose, ErrWrongKey)
	}
	for _, aead := range b.ciphers {
		if plain, err := aead.Open(nil, nil, wrapped[1:], []byte(purpose)); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("secret for %s: %w", purpose, ErrWrongKey)
}

// Keep stores the wrapped secret of a purpose unless there is one, and returns the one that is stored.
type Keep func(ctx context.Context, purpose string, offered []byte) ([]byte, error)

// Signer gives the signer of a purpose. All replicas that share a store and a key get the same one; the
// first to ask makes it. Errors: ErrWrongKey, and those of keep.
func (b *Box) Signer(ctx context.Context, purpose string, keep Keep) (*Signer, error) {
	var offered Key
	_, _ = rand.Read(offered[:]) // never fails
	wrapped, err := keep(ctx, purpose, b.Wrap(purpose, offered[:]))
	if err != nil {
		return nil, err
	}
	key, err := b.Unwrap(purpose, wrapped)
	if err != nil {
		return nil, err
	}
	return NewSigner(purpose, key), nil
}
