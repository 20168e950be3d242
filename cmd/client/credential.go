package client

import (
	"context"
	"net/http"
	"time"
)

// CredentialHold is a credential that must not be used now.
type CredentialHold struct {
	Name   string     `json:"name"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

// CredentialHolds lists the credentials that are held.
func (c *Client) CredentialHolds(ctx context.Context) (Answer[List[CredentialHold]], error) {
	return list[CredentialHold](ctx, c, "credentials")
}

// HoldCredential has tasks wait that use a credential; until is nil for until it is released.
func (c *Client) HoldCredential(ctx context.Context, name string, until *time.Time, reason string) error {
	body := map[string]any{"reason": reason}
	if until != nil {
		body["until"] = until
	}
	return c.post(ctx, path("credentials", name, "hold"), body, nil)
}

// ReleaseCredential lets them start again.
func (c *Client) ReleaseCredential(ctx context.Context, name string) error {
	return c.do(ctx, call{method: http.MethodPost, path: path("credentials", name, "release")}, nil)
}
