package jobs

// Priority orders tasks of one pool that wait for a slot.
type Priority string

// The priorities that a task can be submitted with.
const (
	Low    Priority = "low"
	Normal Priority = "normal"
	High   Priority = "high"
)

// River is the priority of the River job: 2 to 4, lower first. 1 is kept for work that was interrupted or
// lost: it waited once already.
func (p Priority) River() int16 {
	switch p {
	case High:
		return 2
	case Low:
		return 4
	default:
		return 3
	}
}
