package control

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
)

// due is a schedule of each day at three, whose time has come on the 10th of January.
func due(now string, change ...func(*jobs.DueSchedule)) jobs.DueSchedule {
	schedule := jobs.DueSchedule{
		Schedule: jobs.Schedule{
			Name: "nightly", Owner: "ada", Kind: "report", Input: json.RawMessage(`{"n":1}`), Tags: []string{"t"}, Priority: jobs.Low,
			Cron: "0 3 * * *", Timezone: "Asia/Tokyo", Missed: jobs.RunOnce, NextAt: at("2026-01-10T03:00:00+09:00"),
		},
		Now: at(now),
		Target: &jobs.KindStatus{Revision: "h", Kind: jobs.Kind{
			Name: "report", Command: []string{"true"}, Pool: "heavy", Retry: jobs.Retry{MaxAttempts: 5}, QueueTTL: time.Hour,
			Input: json.RawMessage(`{"type":"object","required":["n"]}`),
		}},
	}
	for _, c := range change {
		c(&schedule)
	}
	return schedule
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func skip(d *jobs.DueSchedule)     { d.Missed = jobs.Skip }
func minutely(d *jobs.DueSchedule) { d.Cron = "* * * * *" }

func TestPlannedTask(t *testing.T) {
	t.Parallel()
	tick := newPlanner().plan(due("2026-01-10T03:00:00.2+09:00"))
	if tick.Error != "" || tick.Submission == nil {
		t.Fatalf("tick %+v", tick)
	}
	task := *tick.Submission
	if task.Owner != "ada" || task.Kind != "report" || task.KindHash != "h" || task.Pool != "heavy" || task.MaxTries != 5 ||
		task.Priority != jobs.Low || task.Tags[0] != "t" || string(task.Input) != `{"n":1}` || !task.ExpiresAt.Equal(at("2026-01-10T04:00:00.2+09:00")) ||
		string(task.Metadata) != `{"schedule":"nightly","scheduledFor":"2026-01-09T18:00:00Z"}` {
		t.Errorf("task %+v, metadata %s", task, task.Metadata)
	}
}

func TestPlannedTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		due      jobs.DueSchedule
		at, next string // no at: skipped
	}{
		"in time":                    {due("2026-01-10T03:00:01+09:00"), "2026-01-10T03:00:00+09:00", "2026-01-11T03:00:00+09:00"},
		"in time, skip":              {due("2026-01-10T03:00:59+09:00", skip), "2026-01-10T03:00:00+09:00", "2026-01-11T03:00:00+09:00"},
		"late, once":                 {due("2026-01-10T09:00:00+09:00"), "2026-01-10T03:00:00+09:00", "2026-01-11T03:00:00+09:00"},
		"late, skip":                 {due("2026-01-10T03:01:01+09:00", skip), "", "2026-01-11T03:00:00+09:00"},
		"days late, once":            {due("2026-01-14T02:00:00+09:00"), "2026-01-13T03:00:00+09:00", "2026-01-14T03:00:00+09:00"},
		"days late, skip":            {due("2026-01-14T02:00:00+09:00", skip), "", "2026-01-14T03:00:00+09:00"},
		"days late to a second":      {due("2026-01-14T03:00:01+09:00", skip), "2026-01-14T03:00:00+09:00", "2026-01-15T03:00:00+09:00"},
		"a month of minutes, once":   {due("2026-02-10T03:00:30+09:00", minutely), "2026-02-10T03:00:00+09:00", "2026-02-10T03:01:00+09:00"},
		"a month of minutes, skip":   {due("2026-02-10T03:00:30+09:00", minutely, skip), "2026-02-10T03:00:00+09:00", "2026-02-10T03:01:00+09:00"},
		"a clock that was set back":  {due("2026-01-10T02:59:59+09:00"), "2026-01-10T03:00:00+09:00", "2026-01-11T03:00:00+09:00"},
		"exactly at the second time": {due("2026-01-11T03:00:00+09:00"), "2026-01-11T03:00:00+09:00", "2026-01-12T03:00:00+09:00"},
	} {
		tick := newPlanner().plan(c.due)
		if !tick.NextAt.Equal(at(c.next)) || (tick.At == nil) != (c.at == "") || tick.At != nil && !tick.At.Equal(at(c.at)) {
			t.Errorf("%s: for %v, next %s", name, tick.At, tick.NextAt)
		}
		if (tick.Submission == nil) != (c.at == "") {
			t.Errorf("%s: submission %+v", name, tick.Submission)
		}
	}
}

// What makes no task says why, and is tried again.
func TestPlannedFailures(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*jobs.DueSchedule){
		"there is no kind report":                                func(d *jobs.DueSchedule) { d.Target = nil },
		"the input does not fit the kind report: /n: is missing": func(d *jobs.DueSchedule) { d.Input = json.RawMessage(`{}`) },
		"kind report is not usable:":                             func(d *jobs.DueSchedule) { d.Target.Command = nil },
		`time zone: "Mars" is no known time zone`:                func(d *jobs.DueSchedule) { d.Timezone = "Mars" },
	} {
		schedule := due("2026-01-10T03:00:01+09:00", change)
		tick := newPlanner().plan(schedule)
		if !strings.HasPrefix(tick.Error, want) || tick.Submission != nil || tick.At == nil || !tick.NextAt.After(schedule.Now) {
			t.Errorf("%s: %+v", want, tick)
		}
	}
}
