package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// ErrRefused: the provider started nothing, and will not because of this order. After any other error of
// Start nobody knows, and the same order is given again.
var ErrRefused = errors.New("the provider started nothing")

// Fleet is a provider's hold on the units of one pool: it starts them, and ends those that went wrong. It
// never ends one that works; only the worker in it does, when it is idle or of a generation that is over.
type Fleet interface {
	// List tells of all units of this pool and this installation that the provider still knows, also of
	// those that are stopped. Units of others, and what carries no label of ours, are not in it.
	List(ctx context.Context) ([]Unit, error)
	// Start brings one unit up and answers its id, which the worker in it registers with. It can be called
	// again with the same order, also by another replica, after an answer that was lost: it starts no second
	// unit then. It retries by itself what is worth it until ctx ends.
	Start(ctx context.Context, order Order) (id string, err error)
	// Stop ends a unit, whatever it does. One that has ended, or does not exist, is no error.
	Stop(ctx context.Context, id string) error
	// Destroy ends a unit and removes what the provider keeps of it. One that does not exist is no error.
	Destroy(ctx context.Context, id string) error
}

// Provider is a Fleet and what is known of its kind.
type Provider struct {
	Fleet

	// StartTime is how long it takes, usually, from an order to a worker: work that is due by then is
	// provided for already.
	StartTime time.Duration
	// BootTime is how long it may take. A unit without a worker by then has failed.
	BootTime time.Duration
}

// Order is the decision to start one unit.
type Order struct {
	Intent     uuid.UUID // the ledger's key of the decision
	Generation string    // of the pool: image and settings; a unit of another is brought to it first
}

// State is a unit's, as its provider sees it.
type State string

// The states of a unit.
const (
	Starting State = "starting" // on its way up
	Running  State = "running"
	Stopping State = "stopping" // on its way down
	Stopped  State = "stopped"  // costs no computing; some providers start it again
	Failed   State = "failed"
	Unknown  State = "unknown" // its host does not answer, or the state is one that is not known here
)

// Alive tells whether a worker may be running in a unit of this state.
func (s State) Alive() bool { return s == Starting || s == Running || s == Stopping || s == Unknown }

// Unit is what a provider says of one.
type Unit struct {
	ID         string
	Intent     uuid.UUID // of the order that it was last started by; zero if the provider cannot tell
	Generation string
	State      State
	Since      time.Time // when it was last started; zero if it is not known
	Exit       *Exit     // how its last run ended; nil if it is not known
}

// Exit is how a unit's process ended.
type Exit struct {
	Code        int
	OutOfMemory bool
	Requested   bool // somebody stopped it from outside
	At          time.Time
}
