package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"freshet/cmd/builtin"
)

// exampleCommand is the code of the built-in kinds, which run it like any user's command.
func (a *app) exampleCommand() *cobra.Command {
	command := &cobra.Command{Use: "example", Short: "Code of the built-in kinds", Hidden: true}
	for name, example := range map[string]func(context.Context, builtin.Env) error{
		"hello":       builtin.Hello,
		"page-to-pdf": builtin.PageToPDF,
	} {
		command.AddCommand(&cobra.Command{
			Use: name,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return example(cmd.Context(), builtin.Env{
					Input: a.env("FRESHET_INPUT"), Events: a.env("FRESHET_EVENTS"), Artifacts: a.env("FRESHET_ARTIFACTS"),
					Environ: environ(), Stdout: a.Stdout, Stderr: a.Stderr,
				})
			},
		})
	}
	return command
}
