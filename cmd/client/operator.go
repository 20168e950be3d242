package client

import (
	"context"
	"time"
)

// Maintenance is whether the server takes nothing new.
type Maintenance struct {
	Enabled bool       `json:"enabled"`
	Since   *time.Time `json:"since"`
	Message string     `json:"message"`
}

// Maintain begins or ends a maintenance. The message is for those whose tasks are refused.
func (c *Client) Maintain(ctx context.Context, enabled bool, message string) (Answer[Maintenance], error) {
	var answer Answer[Maintenance]
	err := c.post(ctx, path("maintenance"), map[string]any{"enabled": enabled, "message": message}, &answer)
	return answer, err
}

// Reload asks every process of the server to read its freshet.yaml again.
func (c *Client) Reload(ctx context.Context) error {
	var answer Answer[struct{}]
	return c.post(ctx, path("config", "reload"), nil, &answer)
}
