package jobs

import "time"

// GivenKey is the name, and the owner, of the admin's key that a server is given at each start.
const GivenKey = "admin"

// Key is an API key. Its secrets are known by their SHA-256 alone.
type Key struct {
	Name       string
	Owner      string
	Admin      bool // sees and may do everything
	ActAsOwner bool // may name any owner: it is an app's server, which knows its users
	Scopes     []Scope
	CreatedAt  time.Time
	Signing    []byte      // wrapped: what signs the messages to the webhooks of its tasks; when it is stored
	Secrets    []KeySecret // the newest first; two while the key is rotated
}

// KeySecret is what is known of a secret.
type KeySecret struct {
	Hash       [32]byte // when it is stored; not when it is read
	Prefix     string   // its first letters, to tell it from others
	CreatedAt  time.Time
	LastUsedAt *time.Time // to the minute
	ExpiresAt  *time.Time // nil: not by itself
}
