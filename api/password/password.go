// Package password keeps passwords as argon2id hashes, and compares them.
//
// A hash takes 19 MiB and two passes, which is the least that OWASP asks for, and some forty milliseconds.
// So that nobody can take all memory or all processors by signing in, only so many are made at once; the
// rest wait, for as long as their context lets them.
//
// A hash is kept as a PHC string, which says how it was made:
//
//	$argon2id$v=19$m=19456,t=2,p=1$SALT$KEY
//
// Passwords are compared after Unicode normalisation NFC, because keyboards differ in how they write the
// same letter. Nothing else is changed: case and spaces count.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Shortest and Longest bound a password, in characters.
const (
	Shortest = 8
	Longest  = 128
)

// How hashes are made.
const (
	kibibytes = 19 << 10
	passes    = 2
	threads   = 1
	saltBytes = 16
	keyBytes  = 32
)

// ErrUnfit: no password can be like this.
var ErrUnfit = fmt.Errorf("a password has %d to %d characters", Shortest, Longest)

// ErrDamaged: a stored hash is none.
var ErrDamaged = errors.New("stored hash of a password is damaged")

// Hasher makes and checks hashes. It is safe for use by many goroutines.
type Hasher struct {
	places chan struct{} // holds a token for each hash in the making
	decoy  string        // the hash of no password
}

// New makes a Hasher that makes at most so many hashes at once.
func New(atOnce int) *Hasher {
	return &Hasher{make(chan struct{}, atOnce), format(random(saltBytes), random(keyBytes))}
}

// Hash makes the hash of a new password. Errors: ErrUnfit, and the context's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	password = norm.NFC.String(password)
	if n := utf8.RuneCountInString(password); n < Shortest || n > Longest {
		return "", ErrUnfit
	}
	salt := random(saltBytes)
	key, err := h.key(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return format(salt, key), nil
}

// Check tells whether a password is that of a hash. An empty hash is that of nobody: it takes as long, and
// the answer is no. Errors: ErrDamaged, and the context's.
func (h *Hasher) Check(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" {
		hash = h.decoy
	}
	salt, want, err := parse(hash)
	if err != nil {
		return false, err
	}
	key, err := h.key(ctx, norm.NFC.String(password), salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, want) == 1, nil
}

// key waits for a place, and then does the work, which cannot be broken off.
func (h *Hasher) key(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
		return argon2.IDKey([]byte(password), salt, passes, kibibytes, threads, keyBytes), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", context.Cause(ctx))
	}
}

func random(size int) []byte {
	bytes := make([]byte, size)
	_, _ = rand.Read(bytes) // never fails
	return bytes
}

// prefix is what all hashes begin with; another way to make them would have another one.
func prefix() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, kibibytes, passes, threads)
}

func format(salt, key []byte) string {
	return prefix() + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key)
}

func parse(hash string) (salt, key []byte, err error) {
	rest, known := strings.CutPrefix(hash, prefix())
	saltText, keyText, _ := strings.Cut(rest, "$")
	salt, saltErr := base64.RawStdEncoding.DecodeString(saltText)
	key, keyErr := base64.RawStdEncoding.DecodeString(keyText)
	if !known || saltErr != nil || keyErr != nil || len(salt) != saltBytes || len(key) != keyBytes {
		return nil, nil, ErrDamaged
	}
	return salt, key, nil
}
