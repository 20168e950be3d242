package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

// getOptions are the flags of freshet get.
type getOptions struct{ wait, json bool }

func (a *app) getCommand() *cobra.Command {
	var options getOptions
	command := &cobra.Command{
		Use:   "get ID",
		Short: "Show all of one task",
		Args:  taskIDs(cobra.ExactArgs(1)),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.get(cmd.Context(), args[0], options) },
	}
	command.Flags().BoolVar(&options.wait, "wait", false, "wait until the task has ended; its result decides the exit code")
	jsonFlag(command, &options.json)
	return command
}

func (a *app) get(ctx context.Context, id string, options getOptions) error {
	return a.withServer(func(server *client.Client) error {
		task, err := a.getTask(ctx, server, id, options)
		if err != nil {
			return err
		}
		if options.json {
			err = a.printJSON(task)
		} else {
			err = a.describe(task.Value)
		}
		if err != nil || !options.wait {
			return err
		}
		return outcome(task.Value)
	})
}

func (a *app) getTask(ctx context.Context, server *client.Client, id string, options getOptions) (client.Answer[client.Task], error) {
	task, err := server.Task(ctx, id)
	if err != nil {
		return task, fmt.Errorf("get task %s: %w", id, err)
	}
	if !options.wait || task.Value.State.Ended() {
		return task, nil
	}
	display := a.newDisplay(false)
	watch := client.Watch{Trouble: display.trouble}
	if display.live {
		display.whole(task.Value)
		watch = display.glance()
	}
	watch.After = task.Value.Seq
	task, err = server.Follow(ctx, id, watch)
	_ = display.finish()
	if err != nil {
		err = a.leave(ctx, id, fmt.Errorf("wait for task %s: %w", id, err))
	}
	return task, err
}

// describe prints a task for people.
func (a *app) describe(task client.Task) error {
	rows := [][]string{
		{"id", task.ID},
		{"kind", task.Kind},
		{"state", stateText(task)},
		{"message", task.Message},
		{"waits", waitsText(task)},
		{"attempt", fmt.Sprintf("%d, of %d tries %d used", task.Attempt, task.MaxAttempts, task.Tries)},
		{"priority", string(task.Priority)},
		{"tags", strings.Join(task.Tags, ", ")},
		{"owner", task.Owner},
		{"rerun of", task.RerunOf},
		{"created", momentText(&task.CreatedAt)},
		{"scheduled", momentText(task.ScheduledAt)},
		{"started", momentText(task.StartedAt)},
		{"ended", momentText(task.CompletedAt)},
		{"cancel requested", momentText(task.CancelRequestedAt)},
		{"usage", usageText(task)},
	}
	var filled [][]string
	for _, row := range rows {
		if row[1] != "" {
			filled = append(filled, row)
		}
	}
	w := a.screen(a.Stdout, false)
	if err := table(w, longestLine, filled); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		text json.RawMessage
	}{{"metadata", task.Metadata}, {"input", task.Input}, {"output", task.Output}} {
		if part.text != nil {
			fmt.Fprintf(w, "%s:\n%s\n", part.name, indent(pretty(part.text)))
		}
	}
	if task.Error != nil {
		fmt.Fprintf(w, "error:\n%s\n", indent(fmt.Sprintf("%s: %s", task.Error.Code, task.Error.Message)))
		explain(w, task.Error)
	}
	return nil
}

func waitsText(task client.Task) string {
	if task.Wait == nil {
		return ""
	}
	return fmt.Sprintf("%s, for %s now", waitText(task.Wait), age(task.Wait.Since))
}

func momentText(at *time.Time) string {
	switch {
	case at == nil:
		return ""
	case at.After(time.Now()):
		return fmt.Sprintf("%s (in %s)", moment(*at), short(time.Until(*at)))
	default:
		return fmt.Sprintf("%s (%s ago)", moment(*at), age(*at))
	}
}

func usageText(task client.Task) string {
	if task.Usage == nil {
		return ""
	}
	return fmt.Sprintf("%.1f s, of the processor %.1f s, memory %s, printed %s", task.Usage.WallSeconds,
		task.Usage.CPUSeconds, size(task.Usage.MaxRSSBytes), size(task.Usage.OutputBytes))
}
