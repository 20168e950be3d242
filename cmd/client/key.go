package client

import (
	"context"
	"net/http"
	"time"
)

// Key is an API key.
type Key struct {
	Name       string   `json:"name"`
	Owner      string   `json:"owner"`
	ActAsOwner bool     `json:"actAsOwner"`
	Admin      bool     `json:"admin"`
	Scopes     []string `json:"scopes"`
	Secrets    []Secret `json:"secrets"` // the newest first
	Key        string   `json:"key"`     // only when it was just made
}

// Secret is what is shown of a key's secret.
type Secret struct {
	Prefix     string     `json:"prefix"`
	LastUsedAt *time.Time `json:"lastUsedAt"`
	ExpiresAt  *time.Time `json:"expiresAt"`
}

// NewKey says what key is to be made.
type NewKey struct {
	Name       string   `json:"name"`
	Owner      string   `json:"owner,omitempty"`
	ActAsOwner bool     `json:"actAsOwner,omitempty"`
	Admin      bool     `json:"admin,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
}

// NewToken says what token is to be made.
type NewToken struct {
	Owner  string   `json:"owner,omitempty"`
	Tasks  []string `json:"tasks,omitempty"`
	Scopes []string `json:"scopes"`
	TTL    string   `json:"ttl,omitempty"`
}

// Token is a token for a browser.
type Token struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Keys lists the API keys.
func (c *Client) Keys(ctx context.Context) (Answer[List[Key]], error) {
	return list[Key](ctx, c, "keys")
}

// CreateKey makes an API key.
func (c *Client) CreateKey(ctx context.Context, key NewKey) (Answer[Key], error) {
	var answer Answer[Key]
	err := c.post(ctx, path("keys"), key, &answer)
	return answer, err
}

// RotateKey gives an API key another secret; the one before stays good for keep, such as 24h.
func (c *Client) RotateKey(ctx context.Context, name, keep string) (Answer[Key], error) {
	var answer Answer[Key]
	err := c.post(ctx, path("keys", name, "rotate"), map[string]string{"keep": keep}, &answer)
	return answer, err
}

// DeleteKey revokes an API key.
func (c *Client) DeleteKey(ctx context.Context, name string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path("keys", name)}, nil)
}

// CreateToken makes a token for a browser.
func (c *Client) CreateToken(ctx context.Context, token NewToken) (Answer[Token], error) {
	var answer Answer[Token]
	err := c.post(ctx, path("tokens"), token, &answer)
	return answer, err
}
