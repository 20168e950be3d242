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
	command.AddCommand(
		a.pauseScheduleCommand("pause", "Let a schedule make no more tasks", (*client.Client).PauseSchedule),
		a.pauseScheduleCommand("resume", "Let a schedule make tasks again", (*client.Client).ResumeSchedule),
		a.runScheduleCommand())
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

func (a *app) pauseScheduleCommand(verb, what string,
	order func(*client.Client, context.Context, string) (client.Answer[client.Schedule], error),
) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   verb + " NAME",
		Short: what,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(func(server *client.Client) error {
				schedule, err := order(server, cmd.Context(), args[0])
				if err != nil {
					return fmt.Errorf("%s schedule %s: %w", verb, args[0], err)
				}
				if asJSON {
					return a.printJSON(schedule)
				}
				_, err = fmt.Fprintf(a.Stdout, "schedule %s %s\n", args[0], pauseText(schedule.Value.PausedAt))
				return err
			})
		},
	}
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) runScheduleCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "run NAME",
		Short: "Make a task of a schedule now",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(func(server *client.Client) error {
				task, err := server.RunSchedule(cmd.Context(), args[0])
				if err != nil {
					return fmt.Errorf("run schedule %s: %w", args[0], err)
				}
				if asJSON {
					return a.printJSON(task)
				}
				_, err = fmt.Fprintf(a.Stdout, "%s %s\n", task.Value.ID, stateText(task.Value))
				return err
			})
		},
	}
	jsonFlag(command, &asJSON)
	return command
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
