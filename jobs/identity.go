package jobs

// Identity is who asks: the owner whose tasks it sees, and whether it sees everybody's.
type Identity struct {
	Owner string
	Admin bool
	Key   string // name of the API key, for the log
}

// May tells whether the identity may see and touch what belongs to owner.
func (i Identity) May(owner string) bool { return i.Admin || i.Owner == owner }

// Key is an API key as it is stored: its secret is known only by a SHA-256.
type Key struct {
	Name  string
	Hash  [32]byte
	Owner string
	Admin bool
}
