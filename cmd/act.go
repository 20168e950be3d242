package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

// action does something to one task. An answer without JSON has a value all the same: the task's id.
type action func(server *client.Client, ctx context.Context, id string) (client.Answer[client.Task], error)

func (a *app) cancelCommand() *cobra.Command {
	return a.actCommand("cancel", "Ask tasks to end", (*client.Client).Cancel)
}

func (a *app) retryCommand() *cobra.Command {
	return a.actCommand("retry", "Run tasks that have ended once more, under the same id", (*client.Client).Retry)
}

func (a *app) rerunCommand() *cobra.Command {
	return a.actCommand("rerun", "Submit new tasks like those that are named", (*client.Client).Rerun)
}

func (a *app) deleteCommand() *cobra.Command {
	return a.actCommand("delete", "Forget tasks that have ended, with all that they left",
		func(server *client.Client, ctx context.Context, id string) (client.Answer[client.Task], error) {
			return client.Answer[client.Task]{Value: client.Task{ID: id, State: "deleted"}}, server.Delete(ctx, id)
		})
}

func (a *app) actCommand(verb, what string, act action) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   verb + " ID...",
		Short: what,
		Args:  taskIDs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.withServer(func(server *client.Client) error {
				return a.act(cmd.Context(), server, verb, act, ids, asJSON)
			})
		},
	}
	jsonFlag(command, &asJSON)
	return command
}

// act goes on after a task that is refused, but not when the server is away.
func (a *app) act(ctx context.Context, server *client.Client, verb string, act action, ids []string, asJSON bool) error {
	var refusals []error
	for _, id := range ids {
		task, err := act(server, ctx, id)
		var refused *client.Problem
		switch {
		case errors.As(err, &refused):
			refusals = append(refusals, fmt.Errorf("%s %s: %w", verb, id, err))
			continue
		case err != nil:
			return errors.Join(append(refusals, fmt.Errorf("%s %s: %w", verb, id, err))...)
		case !asJSON:
			fmt.Fprintf(a.Stdout, "%s %s\n", task.Value.ID, stateText(task.Value))
		case task.Raw != nil:
			if err := a.printJSON(task); err != nil {
				return err
			}
		}
	}
	return errors.Join(refusals...)
}
