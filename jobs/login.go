package jobs

import "time"

// Login is a try to sign in with a name and a password, as it is counted: both are known by a SHA-256 alone.
type Login struct {
	Account [32]byte // the name, whether there is such a user or not
	Address [32]byte // where the try comes from
}

// LoginLimits are how many tries may fail in a span of time.
type LoginLimits struct {
	Account, Address int
	Span             time.Duration
}
