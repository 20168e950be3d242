package client

import (
	"context"
	"net/url"
	"time"
)

// Act is one line of the audit log.
type Act struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor"`
	Owner     string    `json:"owner"`
	Action    string    `json:"action"`
	Object    string    `json:"object"`
	Address   string    `json:"address"`
	UserAgent string    `json:"userAgent"`
	RequestID string    `json:"requestId"`
	Status    int       `json:"status"`
}

// ActFilter narrows a list; a zero field does not.
type ActFilter struct {
	Actor, Action string
	Since         time.Time
	Limit         string
}

// Acts lists who changed what, the newest first.
func (c *Client) Acts(ctx context.Context, filter ActFilter) (Answer[List[Act]], error) {
	query := url.Values{}
	for name, value := range map[string]string{"actor": filter.Actor, "action": filter.Action, "limit": filter.Limit} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if !filter.Since.IsZero() {
		query.Set("since", filter.Since.UTC().Format(time.RFC3339))
	}
	var answer Answer[List[Act]]
	err := c.get(ctx, path("audit"), query, &answer)
	return answer, err
}
