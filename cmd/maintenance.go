package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) maintenanceCommand() *cobra.Command {
	var message string
	var asJSON bool
	command := &cobra.Command{
		Use:   "maintenance on|off",
		Short: "Take nothing new and start nothing that waits, or take and start again; what runs goes on",
		Args:  cobra.MatchAll(cobra.ExactArgs(1), onOrOff),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.maintain(cmd.Context(), args[0] == "on", message, asJSON)
		},
	}
	command.Flags().StringVar(&message, "message", "", "what those are told whose tasks are refused")
	jsonFlag(command, &asJSON)
	return command
}

func onOrOff(_ *cobra.Command, args []string) error {
	if args[0] != "on" && args[0] != "off" {
		return fmt.Errorf("on or off, not %q", visible(args[0]))
	}
	return nil
}

func (a *app) maintain(ctx context.Context, enabled bool, message string, asJSON bool) error {
	return a.withServer(func(server *client.Client) error {
		answer, err := server.Maintain(ctx, enabled, message)
		if err != nil {
			return fmt.Errorf("maintenance: %w", err)
		}
		if asJSON {
			return a.printJSON(answer)
		}
		text := "off"
		if answer.Value.Since != nil {
			text = "on for " + age(*answer.Value.Since)
		}
		_, err = fmt.Fprintf(a.Stdout, "maintenance is %s\n", text)
		return err
	})
}

func (a *app) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have every process of the server read its freshet.yaml again",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(func(server *client.Client) error {
				if err := server.Reload(cmd.Context()); err != nil {
					return fmt.Errorf("reload: %w", err)
				}
				_, err := fmt.Fprintln(a.Stdout, "asked; each process does it within seconds, and its log tells how it went")
				return err
			})
		},
	}
}
