package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

// deed does something to one thing that is no task. It answers what the server says of it, and what a person is
// told; both may be nothing.
type deed func(ctx context.Context, server *client.Client, name string) (answer any, line string, err error)

// deedCommand is a command that does a deed to the thing that its argument names. An error begins with words, such
// as "delete key", and that name.
func (a *app) deedCommand(use, words, what string, do deed) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   use,
		Short: what,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(func(server *client.Client) error {
				answer, line, err := do(cmd.Context(), server, args[0])
				switch {
				case err != nil:
					return fmt.Errorf("%s %s: %w", words, args[0], err)
				case asJSON && answer != nil:
					return a.printJSON(answer)
				case !asJSON && line != "":
					_, err = fmt.Fprintln(a.Stdout, line)
				}
				return err
			})
		},
	}
	jsonFlag(command, &asJSON)
	return command
}

// quietly is a deed of which there is nothing to tell.
func quietly(do func(*client.Client, context.Context, string) error) deed {
	return func(ctx context.Context, server *client.Client, name string) (any, string, error) {
		return nil, "", do(server, ctx, name)
	}
}
