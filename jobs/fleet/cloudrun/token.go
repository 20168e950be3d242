package cloudrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// tokenPath is where the metadata server answers with a token of the service account:
	// https://cloud.google.com/run/docs/securing/service-identity.
	tokenPath = "/computeMetadata/v1/instance/service-accounts/default/token"
	// tokenSpare is how long a token must still be good for.
	tokenSpare = 2 * time.Minute
	// tokenTimeout bounds the question: the server is on the same host.
	tokenTimeout = 10 * time.Second
	maxToken     = 64 << 10 // bytes
)

// Tokens gives what requests are authorised by.
type Tokens interface {
	// Token answers a bearer token that is good for a while.
	Token(ctx context.Context) (string, error)
}

// Static is a token that somebody else keeps good.
type Static string

// Token answers it.
func (s Static) Token(context.Context) (string, error) { return string(s), nil }

// Metadata gives tokens of the service account that a container of Google's runs as. It may be used by many
// at once.
type Metadata struct {
	base string
	http *http.Client

	mu      sync.Mutex
	token   string
	renewAt time.Time
}

// MetadataServer is where Google's machines find their own.
const MetadataServer = "http://metadata.google.internal"

// NewMetadata makes a Metadata of the server at base, such as http://metadata.google.internal. A nil transport
// is one that uses no proxy.
func NewMetadata(base string, transport http.RoundTripper) *Metadata {
	if transport == nil {
		transport = &http.Transport{Proxy: nil}
	}
	return &Metadata{base: base, http: &http.Client{Transport: transport, Timeout: tokenTimeout}}
}

// Token answers the token that it has, or asks for one when that is about to end.
func (m *Metadata) Token(ctx context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Now().Before(m.renewAt) {
		return m.token, nil
	}
	token, life, err := m.ask(ctx)
	if err != nil {
		return "", fmt.Errorf("token of the metadata server: %w", err)
	}
	m.token, m.renewAt = token, time.Now().Add(life-tokenSpare)
	return token, nil
}

func (m *Metadata) ask(ctx context.Context) (string, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+tokenPath, http.NoBody)
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Metadata-Flavor", "Google") // without it the server refuses: the request could be forged
	answer, err := m.http.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("it answers %s", answer.Status)
	}
	var token struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxToken)).Decode(&token); err != nil {
		return "", 0, err
	}
	if token.Token == "" {
		return "", 0, errors.New("it answers without one")
	}
	return token.Token, time.Duration(token.Seconds) * time.Second, nil
}

// Close drops connections that are kept for the next token.
func (m *Metadata) Close() { m.http.CloseIdleConnections() }
