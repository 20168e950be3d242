package client

import "context"

// Stats is what waits and runs at one moment.
type Stats struct {
	Pending int         `json:"pending"`
	Running int         `json:"running"`
	Kinds   []KindStats `json:"kinds"`
}

// KindStats is what waits and runs of one kind.
type KindStats struct {
	Kind    string         `json:"kind"`
	Pending int            `json:"pending"`
	Running int            `json:"running"`
	Waiting map[string]int `json:"waiting"` // the pending ones, by reason
}

// Stats counts the tasks that have not ended: everybody's for an admin, the caller's own otherwise.
func (c *Client) Stats(ctx context.Context) (Answer[Stats], error) {
	var answer Answer[Stats]
	err := c.get(ctx, path("stats"), nil, &answer)
	return answer, err
}
