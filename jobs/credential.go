package jobs

import "time"

// CredentialHold keeps tasks of the kinds that use a credential from starting; what runs goes on.
type CredentialHold struct {
	Name   string
	Since  time.Time
	Until  *time.Time // nil: until somebody releases it
	Reason string     // for people
}
