package jobs

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Identity is who asks: the owner whose tasks it sees, and whether it sees everybody's.
type Identity struct {
	Owner string
	Admin bool
	Key   string    // name of the API key, or what else let it in; for the log
	Until time.Time // when it ends; zero: not by itself
	Grant *Grant    // what a token gives of all this; nil: everything
}

// Grant is the part of what an owner may that was given to a token.
type Grant struct {
	Scopes []Scope
	Tasks  []uuid.UUID // these alone; none: all of the owner's
}

// Scope is one thing that a token may be good for.
type Scope string

// The scopes of tokens.
const (
	ScopeRead   Scope = "read"   // see tasks, and all that is kept of them
	ScopeCancel Scope = "cancel" // cancel them
)

// May tells whether the identity may act for owner, as far as owners go.
func (i Identity) May(owner string) bool { return i.Admin || i.Owner == owner }

// MayTouch tells whether the identity may see and touch a task of owner's.
func (i Identity) MayTouch(task uuid.UUID, owner string) bool {
	return i.May(owner) && (i.Grant == nil || len(i.Grant.Tasks) == 0 || slices.Contains(i.Grant.Tasks, task))
}

// Has tells whether the identity may do what needs scope. No token may do what needs the empty one.
func (i Identity) Has(scope Scope) bool {
	return i.Grant == nil || scope != "" && slices.Contains(i.Grant.Scopes, scope)
}

// Key is an API key as it is stored: its secret is known only by a SHA-256.
type Key struct {
	Name  string
	Hash  [32]byte
	Owner string
	Admin bool
}

// Session is a browser that is signed in, or a link that signs one in, once. It is stored without its
// secret, which is known only by a SHA-256.
type Session struct {
	Hash      [32]byte
	Owner     string
	Admin     bool
	ExpiresAt time.Time
}
