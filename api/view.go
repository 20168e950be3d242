package api

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"freshet/jobs"
)

// taskView is a task as users see it.
type taskView struct {
	ID    uuid.UUID  `json:"id" format:"uuid" doc:"UUIDv7: ids sort by time of creation."`
	Kind  string     `json:"kind" example:"report"`
	State jobs.State `json:"state" enum:"pending,running,completed,failed,cancelled" doc:"The last three are ends."`
	Run   int        `json:"run" doc:"Begins at 1; a retry by hand begins the next."`

	Progress  int             `json:"progress" minimum:"0" maximum:"100"`
	Message   string          `json:"message,omitempty" doc:"What the task last said of its progress."`
	Input     json.RawMessage `json:"input,omitempty" doc:"Fits the kind's input schema. Not in lists."`
	Output    json.RawMessage `json:"output,omitempty" doc:"Fits the kind's output schema. Not in lists."`
	OutputURL string          `json:"outputUrl,omitempty" doc:"Where an output is that is too large for a message. Only in webhooks."`
	Error     *jobs.Failure   `json:"error,omitempty" doc:"Why the task failed."`
	Wait      *jobs.Wait      `json:"wait,omitempty" doc:"Why a pending task does not run yet."`

	Attempt     int             `json:"attempt" doc:"Number of the current attempt; rises across runs."`
	Tries       int             `json:"tries" doc:"Attempts of this run that count; lost and interrupted ones do not."`
	MaxAttempts int             `json:"maxAttempts" doc:"How many tries there are before the task fails."`
	Priority    jobs.Priority   `json:"priority" enum:"low,normal,high"`
	Tags        []string        `json:"tags" nullable:"false"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"The submitter's own notes."`
	Owner       string          `json:"owner"`
	RerunOf     *uuid.UUID      `json:"rerunOf,omitempty" format:"uuid" doc:"The task that this one repeats."`

	CreatedAt         time.Time  `json:"createdAt"`
	ScheduledAt       *time.Time `json:"scheduledAt,omitempty"`
	StartedAt         *time.Time `json:"startedAt,omitempty" doc:"First start of this run."`
	CompletedAt       *time.Time `json:"completedAt,omitempty" doc:"When it ended, in whichever state."`
	CancelRequestedAt *time.Time `json:"cancelRequestedAt,omitempty"`

	ReadToken          string     `json:"readToken,omitempty" doc:"Lets a browser watch this one task. Only in the answer to a submit."`
	ReadTokenExpiresAt *time.Time `json:"readTokenExpiresAt,omitempty"`

	Usage *jobs.Usage `json:"usage,omitempty" doc:"What the last ended attempt took from its machine."`
	Seq   int64       `json:"seq" doc:"Number of the last event or log chunk: pass it as after."`
	Links links       `json:"links"`
}

// links are where to go from a task.
type links struct {
	Self      string `json:"self"`
	Attempts  string `json:"attempts"`
	Events    string `json:"events"`
	Logs      string `json:"logs"`
	Artifacts string `json:"artifacts"`
	Cancel    string `json:"cancel"`
	Retry     string `json:"retry"`
	Rerun     string `json:"rerun"`
}

// TransformSchema says what json.RawMessage cannot: metadata is an object.
func (taskView) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	schema.Properties["metadata"].Type = huma.TypeObject
	return schema
}

// addresses makes links; its own is where users reach the API, and empty for links that are paths alone.
type addresses struct{ publicURL string }

// newAddresses takes the address as the operator wrote it.
func newAddresses(publicURL string) addresses { return addresses{strings.TrimSuffix(publicURL, "/")} }

// link is the address of a path for users.
func (a addresses) link(path string) string { return a.publicURL + path }

func (a addresses) view(task jobs.Task) taskView {
	view := taskView{
		ID: task.ID, Kind: task.Kind, State: task.State, Run: task.Run,
		Progress: task.Progress, Message: task.Message, Input: task.Input, Output: task.Output,
		Error: task.Failure, Wait: task.Wait,
		Attempt: task.Attempt, Tries: task.Tries, MaxAttempts: task.MaxTries, Priority: task.Priority,
		Tags: task.Tags, Metadata: task.Metadata, Owner: task.Owner,
		CreatedAt: task.CreatedAt.UTC(), ScheduledAt: utc(task.ScheduledAt), StartedAt: utc(task.StartedAt),
		CompletedAt: utc(task.EndedAt), CancelRequestedAt: utc(task.CancelRequestedAt),
		Usage: task.Usage, Seq: task.Seq, Links: a.linksOf(task.ID),
	}
	if view.Tags == nil {
		view.Tags = []string{}
	}
	if task.RerunOf != uuid.Nil {
		view.RerunOf = &task.RerunOf
	}
	if task.Wait != nil {
		wait := jobs.Wait{Reason: task.Wait.Reason, Since: task.Wait.Since.UTC(), Until: utc(task.Wait.Until)}
		view.Wait = &wait
	}
	return view
}

// brief is a task without its input and output.
func (a addresses) brief(task jobs.Task) taskView {
	task.Input, task.Output = nil, nil
	return a.view(task)
}

func (a addresses) linksOf(id uuid.UUID) links {
	self := a.link(taskPath(id))
	return links{
		Self: self, Attempts: self + "/attempts", Events: self + "/events", Logs: self + "/logs",
		Artifacts: self + "/artifacts", Cancel: self + "/cancel", Retry: self + "/retry", Rerun: self + "/rerun",
	}
}

func taskPath(id uuid.UUID) string { return "/v1/tasks/" + id.String() }

func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	inUTC := at.UTC()
	return &inUTC
}

// list is all of something.
type list[T any] struct {
	Items []T `json:"items" nullable:"false"`
}

// listOf makes a list by showing each item.
func listOf[Item, View any](items []Item, show func(Item) View) list[View] {
	views := make([]View, len(items))
	for i, item := range items {
		views[i] = show(item)
	}
	return list[View]{views}
}
