package cmd

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) credentialsCommand() *cobra.Command {
	command := listCommand(a, "credentials", "List, hold and release credentials that tasks use", (*client.Client).CredentialHolds,
		[]string{"NAME", "HELD FOR", "UNTIL", "REASON"},
		func(h client.CredentialHold) []string { return []string{h.Name, age(h.Since), holdEnd(h), h.Reason} })
	var lasts time.Duration
	var reason string
	hold := &cobra.Command{
		Use:   "hold NAME",
		Short: "Keep tasks that use a credential from starting; what runs goes on",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var until *time.Time
			if lasts > 0 {
				at := time.Now().Add(lasts)
				until = &at
			}
			return a.withServer(func(server *client.Client) error {
				if err := server.HoldCredential(cmd.Context(), args[0], until, reason); err != nil {
					return fmt.Errorf("hold credential %s: %w", args[0], err)
				}
				return nil
			})
		},
	}
	hold.Flags().DurationVar(&lasts, "for", 0, "for so long (default: until it is released)")
	hold.Flags().StringVar(&reason, "reason", "", "why, for people")
	command.AddCommand(hold, &cobra.Command{
		Use:   "release NAME",
		Short: "Let tasks that use a credential start again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(func(server *client.Client) error {
				if err := server.ReleaseCredential(cmd.Context(), args[0]); err != nil {
					return fmt.Errorf("release credential %s: %w", args[0], err)
				}
				return nil
			})
		},
	})
	return command
}

func holdEnd(h client.CredentialHold) string {
	if h.Until == nil {
		return "it is released"
	}
	return moment(*h.Until)
}
