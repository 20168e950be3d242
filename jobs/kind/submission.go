package kind

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// Submission makes a task of the kind of what is asked for: whose it is, its input, which must have been
// validated, and all that a submitter may choose. The kind, of which this is the named revision, decides
// the rest.
func (k *Kind) Submission(revision string, asked jobs.Submission, now time.Time) (jobs.Submission, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return jobs.Submission{}, fmt.Errorf("make an id: %w", err)
	}
	asked.ID, asked.Kind, asked.KindHash, asked.Pool, asked.MaxTries = id, k.Name, revision, k.Pool, k.Retry.MaxAttempts
	if k.QueueTTL > 0 {
		begin := now
		if asked.ScheduledAt != nil {
			begin = *asked.ScheduledAt
		}
		expires := begin.Add(k.QueueTTL)
		asked.ExpiresAt = &expires
	}
	return asked, nil
}
