package jobs

import (
	"time"

	"github.com/google/uuid"
)

// Act is one line of the audit log: somebody changed something, or was refused.
type Act struct {
	ID        uuid.UUID // UUIDv7: tells the time
	Actor     string    // what let the caller in: the name of an API key, or session, token and so on; empty: nothing
	Owner     string    // as whom
	Action    string    // id of the operation
	Object    string    // ids and names
	Address   string    // where the request came from
	UserAgent string
	RequestID string
	Status    int // of the answer
}

// At is when it was written down, right after it was done.
func (a Act) At() time.Time {
	seconds, nanos := a.ID.Time().UnixTime()
	return time.Unix(seconds, nanos).UTC()
}

// ActFilter narrows a list; a zero field does not.
type ActFilter struct {
	Actor, Action string
	Since         time.Time
}
