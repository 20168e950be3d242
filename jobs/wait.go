package jobs

import "time"

// WaitReason says why a pending task does not run yet.
type WaitReason string

// The reasons for which a task waits.
const (
	WaitQueued     WaitReason = "queued"          // for a free slot
	WaitScheduled  WaitReason = "scheduled"       // for the time it was submitted for
	WaitBackoff    WaitReason = "backoff"         // after a failed attempt
	WaitPaused     WaitReason = "paused"          // its kind or its pool is paused
	WaitNoWorker   WaitReason = "no_worker"       // no live worker of its pool knows the kind
	WaitStarting   WaitReason = "starting_worker" // a worker of its pool is being started
	WaitCredential WaitReason = "credential_hold" //nolint:gosec // for a credential that must not be used now: a reason, no secret
	WaitOwner      WaitReason = "owner_limit"     // as many of the owner's run as may at once
	WaitKind       WaitReason = "kind_limit"      // as many of the kind run as may at once
)

// Wait is why, since when and, where it is known, until when a pending task waits.
type Wait struct {
	Reason WaitReason `json:"reason" enum:"queued,scheduled,backoff,paused,starting_worker,no_worker,owner_limit,kind_limit,credential_hold"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty"`
}
