package client

import (
	"context"
	"time"
)

// Schedule makes tasks at the times of a cron expression.
type Schedule struct {
	Name      string     `json:"name"`
	Owner     string     `json:"owner"`
	Source    string     `json:"source"` // file or api
	Kind      string     `json:"kind"`
	Cron      string     `json:"cron"`
	Timezone  string     `json:"timezone"`
	PausedAt  *time.Time `json:"pausedAt"`
	NextAt    *time.Time `json:"nextAt"`
	LastAt    *time.Time `json:"lastAt"`
	LastError string     `json:"lastError"` // why no task was made then
}

// Schedules lists the schedules.
func (c *Client) Schedules(ctx context.Context) (Answer[List[Schedule]], error) {
	return list[Schedule](ctx, c, "schedules")
}

// PauseSchedule lets a schedule make no more tasks.
func (c *Client) PauseSchedule(ctx context.Context, name string) (Answer[Schedule], error) {
	return pauseOrResume[Schedule](ctx, c, "schedules", name, true)
}

// ResumeSchedule lets it make tasks again.
func (c *Client) ResumeSchedule(ctx context.Context, name string) (Answer[Schedule], error) {
	return pauseOrResume[Schedule](ctx, c, "schedules", name, false)
}

// RunSchedule makes a task of a schedule now.
func (c *Client) RunSchedule(ctx context.Context, name string) (Answer[Task], error) {
	var task Answer[Task]
	err := c.post(ctx, path("schedules", name, "run"), nil, &task)
	return task, err
}
