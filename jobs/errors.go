package jobs

import "errors"

// What a write or a read can be refused for.
var (
	// ErrNotFound: there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrExists: there is one of this name.
	ErrExists = errors.New("exists already")
	// ErrTooMany: there are as many of the owner's as there may be.
	ErrTooMany = errors.New("there are too many")
	// ErrFenced: the attempt is no longer this worker's; nothing was written.
	ErrFenced = errors.New("attempt is no longer this worker's")
	// ErrEnded: the task has ended, so this cannot be done to it any more.
	ErrEnded = errors.New("task has ended")
	// ErrNotEnded: the task has not ended, so this cannot be done to it yet.
	ErrNotEnded = errors.New("task has not ended")
	// ErrBusy: someone else changed the task at the same moment, again and again.
	ErrBusy = errors.New("task is being changed by others")
)
