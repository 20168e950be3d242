package jobs

// State is what a task is doing, as its owner sees it.
type State string

// The states of a task. The last three are ends.
const (
	Pending   State = "pending"
	Running   State = "running"
	Completed State = "completed"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended tells whether nothing more happens to the task unless someone asks for it.
func (s State) Ended() bool { return s == Completed || s == Failed || s == Cancelled }

// AttemptState is where one attempt stands between the queue and its end.
type AttemptState string

// The states of an attempt.
const (
	AttemptHeld    AttemptState = "held"    // waits for a reason, has no River job
	AttemptQueued  AttemptState = "queued"  // has a River job
	AttemptRunning AttemptState = "running" // a worker has claimed it
	AttemptEnded   AttemptState = "ended"
)

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of an attempt. Interrupted and lost ones cost no try.
const (
	OutcomeCompleted   Outcome = "completed"
	OutcomeFailed      Outcome = "failed"
	OutcomeCancelled   Outcome = "cancelled"
	OutcomeInterrupted Outcome = "interrupted" // its worker was told to leave
	OutcomeLost        Outcome = "lost"        // its worker died
)
