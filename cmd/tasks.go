package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
	"freshet/jobs"
)

// taskPage is how many tasks are asked for at once.
const taskPage = 100

// tasksOptions are the flags of freshet tasks.
type tasksOptions struct {
	client.Filter

	all, json bool
}

func (a *app) tasksCommand() *cobra.Command {
	var options tasksOptions
	command := &cobra.Command{
		Use:   "tasks",
		Short: "List tasks, the newest first",
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.tasks(cmd.Context(), options) },
	}
	flags := command.Flags()
	flags.StringVar(&options.State, "state", "", "only those that are pending, running, completed, failed or cancelled")
	flags.StringVar(&options.Kind, "kind", "", "only those of a kind")
	flags.StringVar(&options.Tag, "tag", "", "only those with a tag")
	flags.StringVar(&options.Owner, "owner", "", "only those of an owner")
	flags.IntVar(&options.Limit, "limit", 20, "at most so many")
	flags.BoolVar(&options.all, "all", false, "all of them, whatever --limit says")
	jsonFlag(command, &options.json)
	return command
}

func (a *app) tasks(ctx context.Context, options tasksOptions) error {
	if options.Limit < 1 {
		return usage(errors.New("--limit must be 1 at least"))
	}
	return a.withServer(func(server *client.Client) error {
		list, err := listTasks(ctx, server, options)
		if err != nil {
			return fmt.Errorf("list tasks: %w", err)
		}
		if options.json {
			return a.printJSON(list)
		}
		rows := [][]string{{"ID", "KIND", "STATE", "MESSAGE", "AGE"}}
		for _, item := range list.Items {
			task := item.Value
			rows = append(rows, []string{task.ID, task.Kind, stateText(task), messageText(task), age(task.CreatedAt)})
		}
		if err := table(a.Stdout, widestCell, rows); err != nil {
			return err
		}
		if list.NextCursor != "" {
			fmt.Fprintln(a.Stderr, "freshet: there are more: see --limit and --all")
		}
		return nil
	})
}

// listTasks reads pages until there are as many tasks as were asked for.
func listTasks(ctx context.Context, server *client.Client, options tasksOptions) (client.List[client.Task], error) {
	list := client.List[client.Task]{Items: []client.Answer[client.Task]{}}
	for {
		filter := options.Filter
		filter.Cursor, filter.Limit = list.NextCursor, taskPage
		if !options.all {
			filter.Limit = min(taskPage, options.Limit-len(list.Items))
		}
		page, err := server.Tasks(ctx, filter)
		if err != nil {
			return list, err
		}
		list.Items = append(list.Items, page.Value.Items...)
		list.NextCursor = page.Value.NextCursor
		if list.NextCursor == "" || !options.all && len(list.Items) >= options.Limit {
			return list, nil
		}
	}
}

// stateText is a task's state with what matters most in it.
func stateText(task client.Task) string {
	switch {
	case task.State == jobs.Running && task.CancelRequestedAt != nil:
		return "running, cancel requested"
	case task.State == jobs.Running:
		return fmt.Sprintf("running %d%%", task.Progress)
	case task.Wait != nil:
		return fmt.Sprintf("%s: %s", task.State, task.Wait.Reason)
	default:
		return string(task.State)
	}
}

// messageText is what a task says last: why it failed, or where it is.
func messageText(task client.Task) string {
	if task.Error != nil {
		return fmt.Sprintf("%s: %s", task.Error.Code, task.Error.Message)
	}
	return task.Message
}
