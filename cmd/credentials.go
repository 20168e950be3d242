package cmd

import (
	"context"
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
	hold := a.deedCommand("hold NAME", "hold credential", "Keep tasks that use a credential from starting; what runs goes on",
		quietly(func(server *client.Client, ctx context.Context, name string) error {
			var until *time.Time
			if lasts > 0 {
				at := time.Now().Add(lasts)
				until = &at
			}
			return server.HoldCredential(ctx, name, until, reason)
		}))
	hold.Flags().DurationVar(&lasts, "for", 0, "for so long (default: until it is released)")
	hold.Flags().StringVar(&reason, "reason", "", "why, for people")
	command.AddCommand(hold, a.deedCommand("release NAME", "release credential", "Let tasks that use a credential start again",
		quietly((*client.Client).ReleaseCredential)))
	return command
}

func holdEnd(h client.CredentialHold) string {
	if h.Until == nil {
		return "it is released"
	}
	return moment(*h.Until)
}
