package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Webhook is an address that is told of events.
type Webhook struct {
	ID             string     `json:"id"`
	URL            string     `json:"url"`
	Owner          string     `json:"owner"`
	Everyone       bool       `json:"everyone"`
	Events         []string   `json:"events"`
	Kinds          []string   `json:"kinds"`
	Enabled        bool       `json:"enabled"`
	DisabledReason string     `json:"disabledReason"`
	PausedAt       *time.Time `json:"pausedAt"`
	FailingSince   *time.Time `json:"failingSince"`
	Secret         string     `json:"secret"` // only when it was just made
}

// NewWebhook says what webhook is to be made.
type NewWebhook struct {
	URL      string            `json:"url"`
	Owner    string            `json:"owner,omitempty"`
	Everyone bool              `json:"everyone,omitempty"`
	Events   []string          `json:"events,omitempty"`
	Kinds    []string          `json:"kinds,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
}

// Delivery is one event on its way to one address.
type Delivery struct {
	ID        string        `json:"id"`
	MessageID string        `json:"messageId"`
	WebhookID string        `json:"webhookId"`
	URL       string        `json:"url"`
	Type      string        `json:"type"`
	TaskID    string        `json:"taskId"`
	State     string        `json:"state"`
	Tries     int           `json:"tries"`
	NextAt    *time.Time    `json:"nextAt"`
	LastTry   *DeliveryTry  `json:"lastTry"`
	History   []DeliveryTry `json:"history"`
	CreatedAt time.Time     `json:"createdAt"`
}

// DeliveryTry is one sending.
type DeliveryTry struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	TookMS int64     `json:"tookMs"`
	Status int       `json:"status"`
	Answer string    `json:"answer"`
	Error  string    `json:"error"`
}

// DeliveryFilter narrows a list; a zero field does not.
type DeliveryFilter struct {
	Webhook, Task, State string
	Limit                string
}

// Webhooks lists the webhooks.
func (c *Client) Webhooks(ctx context.Context) (Answer[List[Webhook]], error) {
	return list[Webhook](ctx, c, "webhooks")
}

// CreateWebhook makes a webhook.
func (c *Client) CreateWebhook(ctx context.Context, webhook NewWebhook) (Answer[Webhook], error) {
	var answer Answer[Webhook]
	err := c.post(ctx, path("webhooks"), webhook, &answer)
	return answer, err
}

// RotateWebhook gives a webhook another secret; the one before signs, too, for keep, such as 24h.
func (c *Client) RotateWebhook(ctx context.Context, id, keep string) (Answer[Webhook], error) {
	var answer Answer[Webhook]
	err := c.post(ctx, path("webhooks", id, "rotate"), map[string]string{"keep": keep}, &answer)
	return answer, err
}

// EnableWebhook has a webhook told of events, or not.
func (c *Client) EnableWebhook(ctx context.Context, id string, enabled bool) (Answer[Webhook], error) {
	var answer Answer[Webhook]
	err := c.do(ctx, call{method: http.MethodPatch, path: path("webhooks", id), body: map[string]bool{"enabled": enabled}}, &answer)
	return answer, err
}

// PauseWebhook has deliveries to a webhook wait, or go on.
func (c *Client) PauseWebhook(ctx context.Context, id string, paused bool) (Answer[Webhook], error) {
	return pauseOrResume[Webhook](ctx, c, "webhooks", id, paused)
}

// TestWebhook sends a message that tells of nothing.
func (c *Client) TestWebhook(ctx context.Context, id string) (Answer[Delivery], error) {
	var answer Answer[Delivery]
	err := c.post(ctx, path("webhooks", id, "test"), nil, &answer)
	return answer, err
}

// DeleteWebhook deletes a webhook with its deliveries.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path("webhooks", id)}, nil)
}

// Deliveries lists what webhooks were sent, the newest first.
func (c *Client) Deliveries(ctx context.Context, filter DeliveryFilter) (Answer[List[Delivery]], error) {
	query := url.Values{}
	for name, value := range map[string]string{"webhook": filter.Webhook, "task": filter.Task, "state": filter.State, "limit": filter.Limit} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var answer Answer[List[Delivery]]
	err := c.get(ctx, path("deliveries"), query, &answer)
	return answer, err
}

// Delivery reads a delivery with all its tries.
func (c *Client) Delivery(ctx context.Context, id string) (Answer[Delivery], error) {
	var answer Answer[Delivery]
	err := c.get(ctx, path("deliveries", id), nil, &answer)
	return answer, err
}

// Resend sends a delivery again.
func (c *Client) Resend(ctx context.Context, id string) (Answer[Delivery], error) {
	var answer Answer[Delivery]
	err := c.post(ctx, path("deliveries", id, "resend"), nil, &answer)
	return answer, err
}
