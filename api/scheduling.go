package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"freshet/jobs"
)

// scheduleRequest asks for a schedule.
type scheduleRequest struct {
	Name     string          `json:"name" pattern:"^[a-z][a-z0-9]*(-[a-z0-9]+)*$" maxLength:"50" example:"nightly"`
	Owner    string          `json:"owner,omitempty" maxLength:"255" doc:"Whose it is, and its tasks are; the key's own owner when absent. Another one needs a key with actAsOwner."`
	Kind     string          `json:"kind" example:"report" doc:"Name of the kind, as in freshet.yaml."`
	Input    json.RawMessage `json:"input,omitempty" doc:"Of its tasks. Must fit the kind's input schema; {} when absent."`
	Tags     []string        `json:"tags,omitempty" nullable:"false" maxItems:"20" doc:"Of its tasks; each at most 100 bytes."`
	Priority jobs.Priority   `json:"priority,omitempty" enum:"low,normal,high" default:"normal" doc:"Of its tasks."`
	Cron     string          `json:"cron" maxLength:"500" example:"0 3 * * *" doc:"Minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly."`
	Timezone string          `json:"timezone,omitempty" default:"UTC" example:"Asia/Tokyo" doc:"Whose clocks it goes by."`
	Missed   jobs.Missed     `json:"missed,omitempty" enum:"run_once,skip" default:"run_once" doc:"What becomes of times at which nothing could be made: one task for all of them, or none."`
}

// scheduleChange is what is to be another way.
type scheduleChange struct {
	Kind     *string         `json:"kind,omitempty" example:"report"`
	Input    json.RawMessage `json:"input,omitempty"`
	Tags     []string        `json:"tags,omitempty" nullable:"false" maxItems:"20"`
	Priority *jobs.Priority  `json:"priority,omitempty" enum:"low,normal,high"`
	Cron     *string         `json:"cron,omitempty" maxLength:"500" example:"0 3 * * *"`
	Timezone *string         `json:"timezone,omitempty" example:"Asia/Tokyo"`
	Missed   *jobs.Missed    `json:"missed,omitempty" enum:"run_once,skip"`
}

func (s *Server) createSchedule(ctx context.Context, _ *struct{}) (*scheduleOutput, error) {
	request, err := readBody[scheduleRequest](ctx)
	if err != nil {
		return nil, err
	}
	schedule := request.schedule(caller(ctx))
	if faults := checkSchedule(schedule); len(faults) > 0 {
		return nil, newProblem(codeInvalidRequest, "", faults...)
	}
	if !caller(ctx).May(schedule.Owner) {
		return nil, newProblem(codeForbidden, "Only a key with actAsOwner makes a schedule for another owner.",
			fault{"/owner", string(codeForbidden), "is not the key's own owner"})
	}
	kind, err := s.catalogue.get(ctx, schedule.Kind)
	if err != nil {
		return nil, err
	}
	if err := fits(kind, schedule.Input); err != nil {
		return nil, err
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, err
	}
	if err := plan(&schedule, now); err != nil {
		return nil, err
	}
	if err := s.roomForSchedule(ctx, schedule.Owner); err != nil {
		return nil, err
	}
	callOf(ctx).about(schedule.Name)
	err = s.store.CreateSchedule(ctx, schedule)
	if errors.Is(err, jobs.ErrExists) {
		return nil, nameTaken("schedule")
	}
	if err != nil {
		return nil, err
	}
	return s.getSchedule(ctx, &scheduleInput{schedule.Name})
}

// maxSchedules is how many schedules one owner may have. Two requests at once can make one more.
const maxSchedules = 100

// roomForSchedule refuses another schedule of an owner who has enough.
func (s *Server) roomForSchedule(ctx context.Context, owner string) error {
	schedules, err := s.store.Schedules(ctx, owner)
	if err != nil {
		return err
	}
	if len(schedules) >= maxSchedules {
		return newProblem(codeInvalidRequest, fmt.Sprintf("The owner has %d schedules. Delete one first.", len(schedules)))
	}
	return nil
}

// schedule is what the request asks for, with its defaults.
func (r scheduleRequest) schedule(identity jobs.Identity) jobs.Schedule {
	return jobs.Schedule{
		Name: r.Name, Owner: cmp.Or(r.Owner, identity.Owner), Kind: r.Kind, Input: givenInput(r.Input, json.RawMessage(`{}`)),
		Tags: r.Tags, Priority: cmp.Or(r.Priority, jobs.Normal), Cron: r.Cron, Timezone: cmp.Or(r.Timezone, "UTC"),
		Missed: cmp.Or(r.Missed, jobs.RunOnce),
	}
}

// givenInput is an input, or else another one. A null says nothing.
func givenInput(input, otherwise json.RawMessage) json.RawMessage {
	if len(input) == 0 || string(input) == "null" {
		return otherwise
	}
	return input
}

// checkSchedule looks at all that can be wrong with a schedule without its kind and its times.
func checkSchedule(schedule jobs.Schedule) []fault {
	var c checked
	c.checkName(schedule.Name, "/name")
	c.refuse(!jobs.ValidOwner(schedule.Owner), "/owner", "pattern", fmt.Sprintf("must be 1 to %d printable bytes", maxOwner))
	c.refuse(schedule.Kind == "", "/kind", "required", "is missing")
	c.checkTags(schedule.Tags)
	c.checkPriority(schedule.Priority)
	c.refuse(schedule.Missed != jobs.RunOnce && schedule.Missed != jobs.Skip, "/missed", "enum", "must be run_once or skip")
	if wrong, found := errors.AsType[*problem](plan(&schedule, time.Now())); found {
		c.faults = append(c.faults, wrong.Errors...)
	}
	return c.faults
}

// changeSchedule looks at the request and finds the kind before the schedule is locked: that may take a while.
func (s *Server) changeSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	request, err := readBody[scheduleChange](ctx)
	if err != nil {
		return nil, err
	}
	before, err := s.ownSchedule(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if err := notFromFile(before); err != nil {
		return nil, err
	}
	request.apply(&before)
	if faults := checkSchedule(before); len(faults) > 0 {
		return nil, newProblem(codeInvalidRequest, "", faults...)
	}
	kind, err := s.catalogue.get(ctx, before.Kind)
	if err != nil {
		return nil, err
	}
	return s.alter(ctx, in, func(schedule *jobs.Schedule, now time.Time) error {
		if err := notFromFile(*schedule); err != nil {
			return err
		}
		cronBefore, zoneBefore := schedule.Cron, schedule.Timezone
		request.apply(schedule)
		if schedule.Kind != kind.Name { // another request changed it meanwhile
			return jobs.ErrBusy
		}
		if err := fits(kind, schedule.Input); err != nil || schedule.Cron == cronBefore && schedule.Timezone == zoneBefore {
			return err
		}
		return plan(schedule, now)
	})
}

// apply changes a schedule as the request says.
func (r scheduleChange) apply(schedule *jobs.Schedule) {
	schedule.Input = givenInput(r.Input, schedule.Input)
	if r.Tags != nil {
		schedule.Tags = r.Tags
	}
	setGiven(&schedule.Kind, r.Kind)
	setGiven(&schedule.Priority, r.Priority)
	setGiven(&schedule.Cron, r.Cron)
	setGiven(&schedule.Timezone, r.Timezone)
	setGiven(&schedule.Missed, r.Missed)
}
