package jobs

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// Identity is who asks: the owner whose tasks it sees, and whether it sees everybody's.
type Identity struct {
	Owner string
	Admin bool
	Key   string    // name of the API key, or what else let it in; for the log
	Until time.Time // when it ends; zero: not by itself
	Grant *Grant    // what of all this is given; nil: everything

	ActAsOwner bool // may act for every owner
	Signs      bool // it is an API key with a secret that signs what is sent to the webhooks of its tasks
}

// MaxOwner is how long the name of an owner may be, in bytes.
const MaxOwner = 255

// ValidOwner tells whether an owner may be called so.
func ValidOwner(name string) bool {
	return name != "" && len(name) <= MaxOwner && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Grant is the part of what an owner may that a key or a token has.
type Grant struct {
	Scopes []Scope
	Tasks  []uuid.UUID // these alone; none: all of the owner's
	Token  bool        // it is given to a browser, which may do less with the same scopes
}

// Scope is one thing that a key or a token may be good for.
type Scope string

// The scopes. A token has no more than the first two.
const (
	ScopeRead   Scope = "read"   // see tasks, and all that is kept of them
	ScopeCancel Scope = "cancel" // cancel them
	ScopeWrite  Scope = "write"  // submit, retry, rerun and delete them
)

// ForEveryone tells whether the identity may act for every owner.
func (i Identity) ForEveryone() bool { return i.Admin || i.ActAsOwner }

// May tells whether the identity may act for owner, as far as owners go.
func (i Identity) May(owner string) bool { return i.ForEveryone() || i.Owner == owner }

// MayHear tells whether the identity may see and touch an endpoint or a delivery of owner's. One that tells
// of others' tasks is for those who may see these, whoever's it is.
func (i Identity) MayHear(owner string, ofOthers bool) bool {
	return i.ForEveryone() || i.Owner == owner && !ofOthers
}

// MayTouch tells whether the identity may see and touch a task of owner's.
func (i Identity) MayTouch(task uuid.UUID, owner string) bool {
	return i.May(owner) && (i.Grant == nil || len(i.Grant.Tasks) == 0 || slices.Contains(i.Grant.Tasks, task))
}

// Has tells whether the identity may do what needs scope; everybody may what needs none.
func (i Identity) Has(scope Scope) bool {
	return scope == "" || i.Grant == nil || slices.Contains(i.Grant.Scopes, scope)
}

// IsToken tells whether it is a browser with a token.
func (i Identity) IsToken() bool { return i.Grant != nil && i.Grant.Token }

// Session is a browser that is signed in, or a link that signs one in, once. It is stored without its
// secret, which is known only by a SHA-256.
type Session struct {
	Hash      [32]byte
	Owner     string
	Admin     bool
	ExpiresAt time.Time
}
