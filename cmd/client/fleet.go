package client

import (
	"context"
	"time"
)

// Worker is a process that pulls tasks of one pool.
type Worker struct {
	ID         string    `json:"id"`
	Pool       string    `json:"pool"`
	Host       string    `json:"host"`
	PID        int       `json:"pid"`
	Slots      int       `json:"slots"`
	Running    int       `json:"running"` // attempts
	Version    string    `json:"version"`
	StartedAt  time.Time `json:"startedAt"`
	BeatAt     time.Time `json:"beatAt"`
	LeaseUntil time.Time `json:"leaseUntil"`
}

// Pool is a group of like workers.
type Pool struct {
	Name     string     `json:"name"`
	Provider string     `json:"provider"`
	Slots    int        `json:"slots"` // of one worker
	PausedAt *time.Time `json:"pausedAt"`
	Workers  int        `json:"workers"` // alive
	Queued   int        `json:"queued"`
	Running  int        `json:"running"`
}

// Kind is what tasks can be submitted for.
type Kind struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Pool        string     `json:"pool"`
	PausedAt    *time.Time `json:"pausedAt"`
}

// Workers lists the workers.
func (c *Client) Workers(ctx context.Context) (Answer[List[Worker]], error) {
	return list[Worker](ctx, c, "workers")
}

// Pools lists the pools.
func (c *Client) Pools(ctx context.Context) (Answer[List[Pool]], error) {
	return list[Pool](ctx, c, "pools")
}

// Kinds lists the kinds.
func (c *Client) Kinds(ctx context.Context) (Answer[List[Kind]], error) {
	return list[Kind](ctx, c, "kinds")
}

func list[T any](ctx context.Context, c *Client, what string) (Answer[List[T]], error) {
	var all Answer[List[T]]
	err := c.get(ctx, path(what), nil, &all)
	return all, err
}

// PauseKind keeps waiting tasks of a kind from starting, or lets them start again.
func (c *Client) PauseKind(ctx context.Context, name string, paused bool) (Answer[Kind], error) {
	return pauseOrResume[Kind](ctx, c, "kinds", name, paused)
}

// PausePool does for a pool what PauseKind does for a kind.
func (c *Client) PausePool(ctx context.Context, name string, paused bool) (Answer[Pool], error) {
	return pauseOrResume[Pool](ctx, c, "pools", name, paused)
}

func pauseOrResume[T any](ctx context.Context, c *Client, what, name string, paused bool) (Answer[T], error) {
	action := "resume"
	if paused {
		action = "pause"
	}
	var answer Answer[T]
	err := c.post(ctx, path(what, name, action), nil, &answer)
	return answer, err
}
