package config

import (
	"time"

	"freshet/jobs"
)

// retentionShape keeps a task for as long as its parts at least.
func retentionShape() shape[jobs.Retention] {
	type t = jobs.Retention
	return object(
		field("tasks", "How long an ended task is kept, and with it all that it left.", duration(time.Minute),
			func(t *t) *time.Duration { return &t.Tasks }).otherwise("30d"),
		field("logs", "How long what it printed is kept; it goes by whole days.", duration(time.Minute),
			func(t *t) *time.Duration { return &t.Logs }).otherwise("14d"),
		field("artifacts", "How long the files that it left are kept.", duration(time.Minute),
			func(t *t) *time.Duration { return &t.Artifacts }).otherwise("30d"),
	)
}
