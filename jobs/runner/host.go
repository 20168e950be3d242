package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/process"
	"freshet/jobs/tracing"
	"freshet/jobs/webhook"
)

// Causes with which the context of Run is cancelled. Any other cause counts as ErrInterrupted.
var (
	// ErrCancelled: the task's owner does not want it any more. A command gets its grace.
	ErrCancelled = errors.New("cancelled")
	// ErrInterrupted: the worker is told to leave. A command gets its grace.
	ErrInterrupted = errors.New("worker is told to leave")
	// ErrLeaseLost: the worker may not speak for the attempt any more. A command is killed, and there
	// is no ending. jobs.ErrFenced as a cause does the same.
	ErrLeaseLost = errors.New("lease is lost")
)

// Sink is where the records and files of attempts are stored. Both methods may be called again with
// what was stored before; both answer jobs.ErrFenced when the attempt is no longer this worker's. Any
// other error is taken to pass.
type Sink interface {
	Flush(ctx context.Context, flush jobs.Flush) (jobs.Flushed, error)
	SaveArtifact(ctx context.Context, fence jobs.Fence, name, contentType string, content io.Reader) error
}

// Host runs attempts on this machine. Its fields are set before the first use and not changed after.
type Host struct {
	Root    string              // folder of the workspaces; made if it does not exist
	Project string              // folder of freshet.yaml: where commands run, unless their kind says otherwise
	PassEnv map[string][]string // names of variables that a kind's commands may inherit, by kind
	ShowEnv map[string][]string // names of variables whose values are no secrets, by kind
	Hidden  []string            // secrets of the worker itself
	User    *process.User       // who commands run as, if not this process's user, which is root then
	Lookup  func(name string) (value string, found bool)
	Secrets webhook.Secrets // what requests to routes are signed with; without, http kinds do not start
	Version string          // of Freshet, as routes are told
	Sink    Sink
	Logger  *slog.Logger    // for what no user sees; nil: nowhere
	Tracer  *tracing.Tracer // nil: no spans are made

	lease lease
}

// Run runs one attempt to its end, and answers how it ended and what follows. It does not record the
// ending. The context is cancelled with one of the causes above. An error means that there is no ending
// to record, for the attempt is not ours any more: jobs.ErrFenced or ErrLeaseLost.
func (h *Host) Run(ctx context.Context, claim jobs.Claim, k *kind.Kind) (jobs.Ending, error) {
	a, release := h.begin(ctx, claim, k)
	defer release()
	e := a.run()
	if cause := context.Cause(ctx); lost(cause) {
		a.abandon(cause) // which begin's watch may not have come to yet
	}
	if cause := context.Cause(a.held); cause != nil {
		return jobs.Ending{}, fmt.Errorf("run attempt %d of task %s: %w", claim.Attempt, claim.TaskID, cause)
	}
	return a.ending(e), nil
}

// lost tells whether a cause means that the attempt is not ours any more.
func lost(cause error) bool {
	return errors.Is(cause, ErrLeaseLost) || errors.Is(cause, jobs.ErrFenced)
}

func (h *Host) logger() *slog.Logger {
	if h.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Logger
}
