package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

// submitOptions are the flags of freshet submit.
type submitOptions struct {
	client.Submission

	input             string
	follow, json, raw bool
}

func (a *app) submitCommand() *cobra.Command {
	var options submitOptions
	command := &cobra.Command{
		Use:   "submit KIND",
		Short: "Submit a task, and follow it to its end with --follow",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Kind = args[0]
			return a.submit(cmd.Context(), options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.input, "input", "{}", "the input: JSON, @FILE, or - for standard input")
	flags.BoolVarP(&options.follow, "follow", "f", false, "show progress and output until the task has ended; its result decides the exit code")
	flags.StringArrayVar(&options.Tags, "tag", nil, "a tag to find the task by; may be given several times")
	flags.StringVar(&options.Priority, "priority", "", "low, normal or high")
	flags.StringVar(&options.Delay, "delay", "", "how long to wait before it may start, such as 30m")
	flags.StringVar(&options.ScheduledAt, "at", "", "when it may start, such as 2030-01-31T08:00:00Z")
	flags.StringVar(&options.Timeout, "timeout", "", "what one attempt may take, such as 5m; only less than the kind allows")
	flags.StringVar(&options.IdempotencyKey, "key", "", "submits with the same key make one task")
	flags.StringVar(&options.IdempotencyScope, "key-scope", "", "how long the key is taken: retained, or active until the task ends")
	flags.StringVar(&options.WebhookURL, "webhook", "", "the address that is told of the task's end")
	flags.StringVar(&options.Owner, "owner", "", "whom the task belongs to, if not to the bearer of the API key")
	jsonFlag(command, &options.json)
	rawFlag(command, &options.raw)
	return command
}

func (a *app) submit(ctx context.Context, options submitOptions) error {
	if options.IdempotencyScope != "" && options.IdempotencyKey == "" {
		return usage(errors.New("--key-scope is about a --key, and there is none"))
	}
	var err error
	if options.Input, err = a.readInput(options.input); err != nil {
		return err
	}
	return a.withServer(func(server *client.Client) error {
		task, err := server.Submit(ctx, options.Submission)
		if err != nil {
			return fmt.Errorf("submit %s: %w", options.Kind, err)
		}
		switch {
		case options.follow && options.json:
			return a.followJSON(ctx, server, task.Value.ID)
		case options.follow:
			return a.follow(ctx, server, task.Value, options.raw)
		case options.json:
			return a.printJSON(task)
		}
		_, err = fmt.Fprintf(a.Stdout, "%s %s\n", task.Value.ID, task.Value.State)
		return err
	})
}

// follow shows a task live until it has ended, and then its result.
func (a *app) follow(ctx context.Context, server *client.Client, task client.Task, raw bool) error {
	display := a.newDisplay(raw)
	display.note(fmt.Sprintf("task %s of kind %s", task.ID, task.Kind))
	ended, err := server.Follow(ctx, task.ID, display.watch())
	_ = display.finish()
	if err != nil {
		return a.leave(ctx, task.ID, err)
	}
	artifacts, err := server.Artifacts(ctx, task.ID)
	if err != nil {
		return err
	}
	if err := a.result(ended.Value, artifacts.Value.Items); err != nil {
		return err
	}
	return outcome(ended.Value)
}

// followJSON prints each event as a line, output included, and at last the task.
func (a *app) followJSON(ctx context.Context, server *client.Client, id string) error {
	ended, err := server.Follow(ctx, id, client.Watch{
		Events: true, Logs: true,
		Entry:   func(entry client.Answer[client.Event]) error { return a.printJSON(entry) },
		Trouble: a.newDisplay(false).trouble,
	})
	if err != nil {
		return a.leave(ctx, id, err)
	}
	if err := a.printJSON(ended); err != nil {
		return err
	}
	return outcome(ended.Value)
}
