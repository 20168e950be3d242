package cloudrun

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/fleet"
)

// The variables by which an execution is known again.
const (
	installVariable    = "FRESHET_INSTALL"
	poolVariable       = "FRESHET_POOL"
	intentVariable     = "FRESHET_INTENT"
	generationVariable = "FRESHET_GENERATION"
)

// execution is what is read of google.cloud.run.v2.Execution.
type execution struct {
	Name           string      `json:"name"`
	CreateTime     time.Time   `json:"createTime"`
	CompletionTime *time.Time  `json:"completionTime"`
	RunningCount   int         `json:"runningCount"`
	SucceededCount int         `json:"succeededCount"`
	CancelledCount int         `json:"cancelledCount"`
	Template       template    `json:"template"`
	Conditions     []condition `json:"conditions"`
}

type template struct {
	Containers []container `json:"containers"`
}

type container struct {
	Env []variable `json:"env"`
}

// variable is one of an environment. Those of secrets have no value here.
type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type condition struct {
	ExecutionReason string `json:"executionReason"`
}

// id is the short name.
func (e execution) id() string { return path.Base(e.Name) }

func (e execution) ended() bool { return e.CompletionTime != nil }

// cancelled tells whether somebody told it to end.
func (e execution) cancelled() bool {
	return e.CancelledCount > 0 || slices.ContainsFunc(e.Conditions, func(c condition) bool {
		return c.ExecutionReason == "CANCELLING" || c.ExecutionReason == "CANCELLED" || c.ExecutionReason == "DELETED"
	})
}

// env is a variable of its container; empty if it has none.
func (e execution) env(name string) string {
	for _, c := range e.Template.Containers {
		for _, v := range c.Env {
			if v.Name == name {
				return v.Value
			}
		}
	}
	return ""
}

// intent is the order that it was started by; zero if it was by none.
func (e execution) intent() uuid.UUID {
	intent, _ := uuid.Parse(e.env(intentVariable))
	return intent
}

// earlier orders the executions of one order: each replica must come to the same one.
func earlier(a, b execution) int {
	return cmp.Or(a.CreateTime.Compare(b.CreateTime), strings.Compare(a.Name, b.Name))
}

// unit is what the contract says of an execution. How a failed one exited stands in its task.
func (e execution) unit() fleet.Unit {
	unit := fleet.Unit{
		ID: e.id(), Intent: e.intent(), Generation: e.env(generationVariable), State: e.state(), Since: e.CreateTime,
	}
	if unit.State == fleet.Stopped {
		unit.Exit = &fleet.Exit{Requested: e.cancelled(), At: *e.CompletionTime}
	}
	return unit
}

func (e execution) state() fleet.State {
	switch {
	case e.ended() && (e.SucceededCount > 0 || e.cancelled()):
		return fleet.Stopped
	case e.ended():
		return fleet.Failed
	case e.cancelled():
		return fleet.Stopping
	case e.RunningCount > 0:
		return fleet.Running
	default:
		return fleet.Starting
	}
}

// attemptResult is google.cloud.run.v2.TaskAttemptResult: how the container of a task ended.
type attemptResult struct {
	ExitCode   int `json:"exitCode"`
	TermSignal int `json:"termSignal"`
	Status     struct {
		Message string `json:"message"`
	} `json:"status"`
}

// exit is what the contract says of it. The API has no field for memory that was used up; its message says so.
func (r attemptResult) exit(at time.Time) *fleet.Exit {
	exit := &fleet.Exit{Code: r.ExitCode, At: at, OutOfMemory: strings.Contains(strings.ToLower(r.Status.Message), "memory")}
	if r.TermSignal > 0 {
		exit.Code = 128 + r.TermSignal // as shells have it
	}
	return exit
}
