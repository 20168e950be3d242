package secret_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"freshet/jobs/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newKey() secret.Key {
	var key secret.Key
	_, _ = rand.Read(key[:])
	return key
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	key := secret.Key(bytes.Repeat([]byte{0xfb, 0xff}, 16)) // base64 of it has + and /
	good := map[string]string{
		"hex":              hex.EncodeToString(key[:]),
		"upper case hex":   strings.ToUpper(hex.EncodeToString(key[:])),
		"base64":           base64.StdEncoding.EncodeToString(key[:]),
		"base64, no end":   base64.RawStdEncoding.EncodeToString(key[:]),
		"base64url":        base64.URLEncoding.EncodeToString(key[:]),
		"base64url, short": base64.RawURLEncoding.EncodeToString(key[:]),
		"with white space": " " + base64.StdEncoding.EncodeToString(key[:]) + "\n",
	}
	for name, text := range good {
		if got, err := secret.ParseKey(text); err != nil || got != key {
			t.Errorf("%s: %v, error %v", name, got == key, err)
		}
	}
	for name, text := range map[string]string{
		"empty":       "",
		"a password":  "correct horse battery staple",
		"too short":   base64.StdEncoding.EncodeToString(key[:31]),
		"too long":    base64.StdEncoding.EncodeToString(append(key[:], 0)),
		"16 byte hex": hex.EncodeToString(key[:16]),
	} {
		_, err := secret.ParseKey(text)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows the text: %v", name, err)
		}
	}
}

func TestKeyStaysOutOfLogs(t *testing.T) {
	t.Parallel()
	key := secret.Key(bytes.Repeat([]byte{0xab}, 32))
	for _, verb := range []string{"%v", "%s", "%+v", "%#v"} {
		if text := fmt.Sprintf(verb, key); strings.Contains(strings.ToLower(text), "ab") || strings.Contains(text, "171") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

func TestBoxOpensOnlyItsOwn(t *testing.T) {
	t.Parallel()
	key, other := newKey(), newKey()
	box := secret.NewBox(key)
	plain := []byte("the secret of all replicas")
	wrapped := box.Wrap("cursor", plain)
	if bytes.Contains(wrapped, plain) {
		t.Fatal("the secret is readable")
	}
	if bytes.Equal(wrapped, box.Wrap("cursor", plain)) {
		t.Error("the same secret is wrapped alike twice: a nonce was used again")
	}
	if got, err := box.Unwrap("cursor", wrapped); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("unwrapped %q, error %v", got, err)
	}
	if _, err := box.Unwrap("artifact", wrapped); !errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("another purpose: error %v, want ErrWrongKey", err)
	}
	if _, err := secret.NewBox(other).Unwrap("cursor", wrapped); !errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("another key: error %v, want ErrWrongKey", err)
	}
	for i := range wrapped {
		damaged := bytes.Clone(wrapped)
		damaged[i] ^= 1
		if _, err := box.Unwrap("cursor", damaged); !errors.Is(err, secret.ErrWrongKey) {
			t.Errorf("byte %d changed: error %v, want ErrWrongKey", i, err)
		}
		if _, err := box.Unwrap("cursor", wrapped[:i]); !errors.Is(err, secret.ErrWrongKey) {
			t.Errorf("cut at %d: error %v, want ErrWrongKey", i, err)
		}
	}
}

func TestRotationKeepsWhatTheOldKeyWrapped(t *testing.T) {
	t.Parallel()
	old, current := newKey(), newKey()
	wrapped := secret.NewBox(old).Wrap("cursor", []byte("s"))
	both := secret.NewBox(current, old)
	if got, err := both.Unwrap("cursor", wrapped); err != nil || string(got) != "s" {
		t.Errorf("old secret: %q, error %v", got, err)
	}
	if _, err := secret.NewBox(current).Unwrap("cursor", both.Wrap("cursor", []byte("n"))); err != nil {
		t.Errorf("what the rotating box wraps does not open under the new key alone: %v", err)
	}
}

func TestSignatureIsOfOnePurposeAndOneList(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef0123456789abcdef")
	signer := secret.NewSigner("artifact", key)
	signature := signer.Sign("12", "345")
	if len(signature) != secret.SignatureSize || !signer.Verify(signature, "12", "345") {
		t.Fatal("its own signature is refused")
	}
	for name, accepted := range map[string]bool{
		"shifted border":  signer.Verify(signature, "123", "45"),
		"one field more":  signer.Verify(signature, "12", "345", ""),
		"one field less":  signer.Verify(signature, "12345"),
		"other order":     signer.Verify(signature, "345", "12"),
		"other purpose":   secret.NewSigner("cursor", key).Verify(signature, "12", "345"),
		"other key":       secret.NewSigner("artifact", key[1:]).Verify(signature, "12", "345"),
		"cut signature":   signer.Verify(signature[:16], "12", "345"),
		"empty signature": signer.Verify(nil, "12", "345"),
	} {
		if accepted {
			t.Errorf("%s: accepted", name)
		}
	}
}

// shelf keeps the first secret of each purpose.
type shelf struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (s *shelf) keep(_ context.Context, purpose string, offered []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	if s.kept[purpose] == nil {
		s.kept[purpose] = offered
	}
	return s.kept[purpose], nil
}

func TestReplicasShareASigner(t *testing.T) {
	t.Parallel()
	key := newKey()
	common := &shelf{}
	signer := func(box *secret.Box, purpose string) *secret.Signer {
		s, err := box.Signer(t.Context(), purpose, common.keep)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	signature := signer(secret.NewBox(key), "cursor").Sign("a")
	if !signer(secret.NewBox(key), "cursor").Verify(signature, "a") {
		t.Error("another replica refuses the signature")
	}
	if signer(secret.NewBox(key), "artifact").Verify(signature, "a") {
		t.Error("another purpose accepts the signature")
	}
	if _, err := secret.NewBox(newKey()).Signer(t.Context(), "cursor", common.keep); !errors.Is(err, secret.ErrWrongKey) {
		t.Errorf("a replica with another key: error %v, want ErrWrongKey", err)
	}
}
