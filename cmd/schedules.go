package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
	"freshet/jobs"
	"freshet/jobs/cron"
	"freshet/jobs/postgres"
)

func (a *app) schedulesCommand() *cobra.Command {
	command := listCommand(a, "schedules", "List the schedules, and when each is due", (*client.Client).Schedules,
		[]string{"NAME", "KIND", "CRON", "TIME ZONE", "NEXT", "LAST", "SOURCE", "STATE"},
		func(s client.Schedule) []string {
			return []string{s.Name, s.Kind, s.Cron, s.Timezone, momentOrNone(s.NextAt), momentOrNone(s.LastAt), s.Source, scheduleState(s)}
		})
	schedule := func(verb, what string, do deed) *cobra.Command {
		return a.deedCommand(verb+" NAME", verb+" schedule", what, do)
	}
	command.AddCommand(
		schedule("pause", "Let a schedule make no more tasks", scheduleDeed((*client.Client).PauseSchedule)),
		schedule("resume", "Let a schedule make tasks again", scheduleDeed((*client.Client).ResumeSchedule)),
		schedule("run", "Make a task of a schedule now", func(ctx context.Context, server *client.Client, name string) (any, string, error) {
			task, err := server.RunSchedule(ctx, name)
			return task, task.Value.ID + " " + stateText(task.Value), err
		}))
	return command
}

func momentOrNone(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return moment(*at)
}

// scheduleState tells whether a schedule makes tasks, and why it made none when it last was to.
func scheduleState(s client.Schedule) string {
	if s.LastError == "" {
		return pauseText(s.PausedAt)
	}
	return pauseText(s.PausedAt) + ", failed: " + s.LastError
}

// scheduleDeed changes whether a schedule is paused, and tells it.
func scheduleDeed(change func(*client.Client, context.Context, string) (client.Answer[client.Schedule], error)) deed {
	return func(ctx context.Context, server *client.Client, name string) (any, string, error) {
		schedule, err := change(server, ctx, name)
		return schedule, fmt.Sprintf("schedule %s %s", name, pauseText(schedule.Value.PausedAt)), err
	}
}

// publishSchedules makes those of freshet.yaml the database's. One whose name the API has used is left
// out: its maker must not be able to keep a server from starting.
func publishSchedules(ctx context.Context, store *postgres.Store, schedules []jobs.Schedule, logger *slog.Logger) error {
	now, err := store.Now(ctx)
	if err != nil {
		return err
	}
	schedules = slices.Clone(schedules)
	for i, schedule := range schedules {
		times, err := cron.In(schedule.Cron, schedule.Timezone)
		if err != nil {
			return fmt.Errorf("schedule %s: %w", schedule.Name, err)
		}
		schedules[i].NextAt = times.Next(now)
	}
	taken, err := store.SyncSchedules(ctx, schedules)
	for _, name := range taken {
		logger.Error("a schedule of freshet.yaml is not in force: the API made another one of this name; "+
			"delete that one (DELETE /v1/schedules/"+name+"), or choose another name, and reload", "schedule", name)
	}
	return err
}
