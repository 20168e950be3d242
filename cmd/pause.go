package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

// pauseCommand is freshet pause, or freshet resume when paused is false.
func (a *app) pauseCommand(paused bool) *cobra.Command {
	verb, what := "resume", "Let the waiting tasks of a kind or a pool start again"
	if paused {
		verb, what = "pause", "Keep the waiting tasks of a kind or a pool from starting; what runs goes on"
	}
	var asJSON bool
	command := &cobra.Command{
		Use:   verb + " kind|pool NAME",
		Short: what,
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pause(cmd.Context(), verb, args[0], args[1], paused, asJSON)
		},
	}
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) pause(ctx context.Context, verb, what, name string, paused, asJSON bool) error {
	if what != "kind" && what != "pool" {
		return usage(fmt.Errorf("%s what: a kind or a pool, not %q", verb, visible(what)))
	}
	return a.withServer(func(server *client.Client) error {
		var answer any
		var since *time.Time
		var err error
		if what == "kind" {
			var kind client.Answer[client.Kind]
			kind, err = server.PauseKind(ctx, name, paused)
			answer, since = kind, kind.Value.PausedAt
		} else {
			var pool client.Answer[client.Pool]
			pool, err = server.PausePool(ctx, name, paused)
			answer, since = pool, pool.Value.PausedAt
		}
		if err != nil {
			return fmt.Errorf("%s %s %s: %w", verb, what, name, err)
		}
		if asJSON {
			return a.printJSON(answer)
		}
		_, err = fmt.Fprintf(a.Stdout, "%s %s %s\n", what, name, pauseText(since))
		return err
	})
}
