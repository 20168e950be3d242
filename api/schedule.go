package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/cron"
)

func (s *Server) scheduleRoutes(r *routes) {
	example := map[string]any{
		"name": "nightly", "cron": "0 3 * * *", "timezone": "Asia/Tokyo", "kind": "report", "input": map[string]any{"startDate": "2026-01-01"},
	}
	refuses := []code{codeInvalidRequest, codeInvalidInput, codeUnknownKind, codeMaintenance}
	handle(r, operation{
		id: "list-schedules", method: http.MethodGet, path: "/v1/schedules", tag: "schedules", scope: jobs.ScopeRead,
		summary: "List the schedules, by name", detail: "An admin sees everybody's.",
	}, s.listSchedules)
	handle(r, operation{
		id: "create-schedule", method: http.MethodPost, path: "/v1/schedules", tag: "schedules", scope: jobs.ScopeWrite,
		summary: "Make a schedule",
		detail:  "It makes a task each time that it is due, once, however many replicas there are.",
		body:    reflect.TypeFor[scheduleRequest](), example: example, status: http.StatusCreated,
		refuses: append(refuses, codeNameTaken),
	}, s.createSchedule)
	handle(r, operation{
		id: "get-schedule", method: http.MethodGet, path: "/v1/schedules/{name}", tag: "schedules", scope: jobs.ScopeRead,
		summary: "Read a schedule", refuses: []code{codeNotFound},
	}, s.getSchedule)
	handle(r, operation{
		id: "change-schedule", method: http.MethodPatch, path: "/v1/schedules/{name}", tag: "schedules", scope: jobs.ScopeWrite,
		summary: "Change a schedule", detail: "What is absent stays as it is.",
		body: reflect.TypeFor[scheduleChange](), example: map[string]any{"cron": "30 3 * * 1-5"},
		refuses: append(refuses, codeNotFound, codeFromFile, codeBusy),
	}, s.changeSchedule)
	handle(r, operation{
		id: "delete-schedule", method: http.MethodDelete, path: "/v1/schedules/{name}", tag: "schedules", scope: jobs.ScopeWrite,
		summary: "Delete a schedule", detail: "The tasks that it made stay.",
		status: http.StatusNoContent, refuses: []code{codeNotFound, codeFromFile},
	}, s.deleteSchedule)
	handle(r, operation{
		id: "pause-schedule", method: http.MethodPost, path: "/v1/schedules/{name}/pause", tag: "schedules", scope: jobs.ScopeWrite,
		summary: "Let a schedule make no more tasks", refuses: []code{codeNotFound},
	}, s.pauseSchedule)
	handle(r, operation{
		id: "resume-schedule", method: http.MethodPost, path: "/v1/schedules/{name}/resume", tag: "schedules", scope: jobs.ScopeWrite,
		summary: "Let a schedule make tasks again", detail: "Times that went by meanwhile were not missed: it goes on with the next.",
		refuses: []code{codeNotFound},
	}, s.resumeSchedule)
	handle(r, operation{
		id: "run-schedule", method: http.MethodPost, path: "/v1/schedules/{name}/run", tag: "schedules", scope: jobs.ScopeWrite,
		summary: "Make a task of a schedule now", detail: "It is due as before, and may be paused.",
		status: http.StatusAccepted, refuses: append(append(overLimits(), refuses...), codeNotFound),
	}, s.runSchedule)
}

// comingTimes is how many times a schedule shows that it will be due.
const comingTimes = 5

// scheduleView is a schedule.
type scheduleView struct {
	Name     string              `json:"name" example:"nightly"`
	Owner    string              `json:"owner" doc:"Whose it is, and its tasks are."`
	Source   jobs.ScheduleSource `json:"source" enum:"file,api" doc:"Where it is defined: freshet.yaml or here."`
	Kind     string              `json:"kind" example:"report"`
	Input    json.RawMessage     `json:"input" doc:"Of its tasks."`
	Tags     []string            `json:"tags" nullable:"false" doc:"Of its tasks."`
	Priority jobs.Priority       `json:"priority" enum:"low,normal,high" doc:"Of its tasks."`
	Cron     string              `json:"cron" example:"0 3 * * *"`
	Timezone string              `json:"timezone" example:"Asia/Tokyo"`
	Missed   jobs.Missed         `json:"missed" enum:"run_once,skip"`

	PausedAt   *time.Time  `json:"pausedAt,omitempty" doc:"Since when it makes no tasks."`
	NextAt     *time.Time  `json:"nextAt,omitempty" doc:"When it is due; absent while it is paused. It is past when the time is up and it waits, for a maintenance to end."`
	Next       []time.Time `json:"next" nullable:"false" doc:"The next five times from now; none while it is paused."`
	LastAt     *time.Time  `json:"lastAt,omitempty" doc:"The last time that it was due, without those that it skipped."`
	LastTaskID *uuid.UUID  `json:"lastTaskId,omitempty" doc:"The task that was made then."`
	LastError  string      `json:"lastError,omitempty" doc:"Why none was made then. The next time is tried all the same."`
	CreatedAt  time.Time   `json:"createdAt"`
	UpdatedAt  time.Time   `json:"updatedAt"`
}

func viewSchedule(schedule jobs.Schedule) scheduleView {
	view := scheduleView{
		Name: schedule.Name, Owner: schedule.Owner, Source: schedule.Source, Kind: schedule.Kind, Input: schedule.Input,
		Tags: schedule.Tags, Priority: schedule.Priority, Cron: schedule.Cron, Timezone: schedule.Timezone, Missed: schedule.Missed,
		PausedAt: utc(schedule.PausedAt), Next: []time.Time{}, LastAt: utc(schedule.LastAt), LastError: schedule.LastError,
		CreatedAt: schedule.CreatedAt.UTC(), UpdatedAt: schedule.UpdatedAt.UTC(),
	}
	if schedule.LastTaskID != uuid.Nil {
		view.LastTaskID = &schedule.LastTaskID
	}
	if schedule.PausedAt != nil {
		return view
	}
	view.NextAt = utc(&schedule.NextAt)
	if times, err := cron.In(schedule.Cron, schedule.Timezone); err == nil {
		for at := time.Now(); len(view.Next) < comingTimes; view.Next = append(view.Next, at.UTC()) {
			at = times.Next(at)
		}
	}
	return view
}

type schedulesInput struct {
	Owner string `query:"owner" maxLength:"255" doc:"Another one than the key's own needs a key with actAsOwner."`
}

type scheduleInput struct {
	Name string `path:"name" example:"nightly"`
}

type schedulesOutput struct {
	Body list[scheduleView]
}

type scheduleOutput struct {
	Body scheduleView
}

func (s *Server) listSchedules(ctx context.Context, in *schedulesInput) (*schedulesOutput, error) {
	identity, owner := caller(ctx), in.Owner
	if owner == "" && !identity.Admin {
		owner = identity.Owner
	}
	if owner != "" && !identity.May(owner) {
		return nil, newProblem(codeForbidden, "Only a key with actAsOwner lists another owner's schedules.")
	}
	schedules, err := s.store.Schedules(ctx, owner)
	if err != nil {
		return nil, err
	}
	return &schedulesOutput{listOf(schedules, viewSchedule)}, nil
}

// ownSchedule reads the schedule that a request names, if the caller may touch it.
func (s *Server) ownSchedule(ctx context.Context, name string) (jobs.Schedule, error) {
	schedule, err := look(ctx, s, anothersSchedule, func(ctx context.Context) (jobs.Schedule, error) { return s.store.Schedule(ctx, name) })
	if err != nil {
		return jobs.Schedule{}, err
	}
	return schedule, touches(ctx, schedule)
}

const anothersSchedule = "The schedule belongs to another owner."

// touches refuses a schedule of another owner's.
func touches(ctx context.Context, schedule jobs.Schedule) error {
	if !caller(ctx).May(schedule.Owner) {
		return newProblem(codeForbidden, anothersSchedule)
	}
	return nil
}

func (s *Server) getSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	schedule, err := s.ownSchedule(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &scheduleOutput{viewSchedule(schedule)}, nil
}

func (s *Server) deleteSchedule(ctx context.Context, in *scheduleInput) (*struct{}, error) {
	schedule, err := s.ownSchedule(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if err := notFromFile(schedule); err != nil {
		return nil, err
	}
	return nil, s.store.RemoveSchedule(ctx, schedule.Name, schedule.Owner)
}

// notFromFile refuses to change what the next reload would change back.
func notFromFile(schedule jobs.Schedule) error {
	if schedule.Source == jobs.FromFile {
		return newProblem(codeFromFile, "")
	}
	return nil
}

func (s *Server) pauseSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	return s.alter(ctx, in, func(schedule *jobs.Schedule, now time.Time) error {
		if schedule.PausedAt == nil {
			schedule.PausedAt = &now
		}
		return nil
	})
}

func (s *Server) resumeSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	return s.alter(ctx, in, func(schedule *jobs.Schedule, now time.Time) error {
		if schedule.PausedAt == nil {
			return nil
		}
		schedule.PausedAt = nil
		return plan(schedule, now)
	})
}

// plan sets when a schedule is due next. The error is a problem.
func plan(schedule *jobs.Schedule, now time.Time) error {
	zone, err := cron.Zone(schedule.Timezone)
	if err != nil {
		return newProblem(codeInvalidRequest, "", fault{"/timezone", "format", err.Error()})
	}
	times, err := cron.Parse(schedule.Cron, zone)
	if err != nil {
		return newProblem(codeInvalidRequest, "", fault{"/cron", "format", err.Error()})
	}
	schedule.NextAt = times.Next(now)
	return nil
}

// alter changes a schedule that the caller may touch, and answers with it.
func (s *Server) alter(ctx context.Context, in *scheduleInput, change func(*jobs.Schedule, time.Time) error) (*scheduleOutput, error) {
	err := s.store.ChangeSchedule(ctx, in.Name, func(schedule *jobs.Schedule, now time.Time) error {
		if err := touches(ctx, *schedule); err != nil {
			return err
		}
		return change(schedule, now)
	})
	if err != nil {
		return nil, err
	}
	return s.getSchedule(ctx, in)
}

func (s *Server) runSchedule(ctx context.Context, in *scheduleInput) (*submitOutput, error) {
	schedule, err := s.ownSchedule(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	kind, err := s.catalogue.get(ctx, schedule.Kind)
	if err != nil {
		return nil, err
	}
	if err := fits(kind, schedule.Input); err != nil {
		return nil, err
	}
	asked, err := schedule.Asked(nil)
	if err != nil {
		return nil, err
	}
	submission, err := kind.Submission(kind.revision, asked, time.Now())
	if err != nil {
		return nil, err
	}
	callOf(ctx).about(submission.ID.String())
	return s.place(ctx, order{submission, kind.paused})
}
