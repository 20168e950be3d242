package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/secret"
)

// ErrNoSecret: there is nothing to sign with, since whoever had the secret is gone.
var ErrNoSecret = errors.New("there is no secret to sign with")

// Seal wraps what belongs to an endpoint or an API key for keeping in the database, and opens it again. What
// was sealed for one opens for no other.
type Seal struct{ box *secret.Box }

// NewSeal makes a Seal that wraps with box.
func NewSeal(box *secret.Box) Seal { return Seal{box} }

// OfEndpoint names an endpoint to a Seal.
func OfEndpoint(id uuid.UUID) string { return "endpoint " + id.String() }

// OfKey names an API key to a Seal.
func OfKey(name string) string { return "key " + name }

// NewSecret makes a secret for signing, as its user sees it.
func NewSecret() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return SecretPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// Secrets wraps secrets: the one that signs, and behind it the one that does for a while yet.
func (s Seal) Secrets(whose string, secrets ...string) []byte {
	return s.box.Wrap("signing of "+whose, []byte(strings.Join(secrets, " ")))
}

// texts opens wrapped secrets. Errors: secret.ErrWrongKey.
func (s Seal) texts(whose string, wrapped []byte) ([]string, error) {
	text, err := s.box.Unwrap("signing of "+whose, wrapped)
	return strings.Fields(string(text)), err
}

// Replace makes another secret, and what is signed with from now on: with that one, and for so long with the one
// before, too. Errors: secret.ErrWrongKey.
func (s Seal) Replace(whose string, before jobs.Signing, now time.Time, keep time.Duration) (string, jobs.Signing, error) {
	texts := []string{NewSecret()}
	if before.Secrets != nil {
		known, err := s.texts(whose, before.Secrets)
		if err != nil {
			return "", jobs.Signing{}, err
		}
		texts = append(texts, known[0])
	}
	until := now.Add(keep)
	return texts[0], jobs.Signing{Secrets: s.Secrets(whose, texts...), Until: &until}, nil
}

// Signing opens what messages are to be signed with now. Errors: ErrNoSecret, secret.ErrWrongKey.
func (s Seal) Signing(whose string, signing jobs.Signing, now time.Time) (Secrets, error) {
	if signing.Secrets == nil {
		return Secrets{}, ErrNoSecret
	}
	texts, err := s.texts(whose, signing.Secrets)
	if err != nil {
		return Secrets{}, err
	}
	if len(texts) > 1 && signing.Until != nil && !now.Before(*signing.Until) {
		texts = texts[:1]
	}
	return ParseSecrets(strings.Join(texts, " "))
}

// Headers wraps the headers that a user wants to be sent along; none is nil.
func (s Seal) Headers(whose string, headers map[string]string) ([]byte, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(headers)
	if err != nil {
		return nil, fmt.Errorf("wrap headers: %w", err)
	}
	return s.box.Wrap("headers of "+whose, text), nil
}

// Header opens wrapped headers. Errors: secret.ErrWrongKey.
func (s Seal) Header(whose string, wrapped []byte) (http.Header, error) {
	header := http.Header{}
	if wrapped == nil {
		return header, nil
	}
	text, err := s.box.Unwrap("headers of "+whose, wrapped)
	if err != nil {
		return nil, err
	}
	var headers map[string]string
	if err := json.Unmarshal(text, &headers); err != nil {
		return nil, fmt.Errorf("open headers: %w", err)
	}
	for name, value := range headers {
		header.Set(name, value)
	}
	return header, nil
}
