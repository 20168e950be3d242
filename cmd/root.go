// Package cmd is the command line: a file per command. It alone reads the environment, flags and
// freshet.yaml, and it alone wires the program together.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"freshet/config"
)

// Exit codes of all commands.
const (
	exitDone       = 0
	exitFailed     = 1  // the task failed or was cancelled, or the command could not do its work
	exitUsage      = 2  // the command line is wrong
	exitConnection = 3  // no connection, or no access
	exitConfig     = 78 // freshet.yaml or the environment is wrong: starting again would not help
)

// Invocation is one call of the program.
type Invocation struct {
	Name           string   // of the program, as it was called
	Args           []string // without the name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Version        string
	Lookup         func(name string) (string, bool) // nil: the process's environment
}

// app is what all commands share.
type app struct {
	Invocation

	logger *slog.Logger
}

// exitError carries the exit code of an error to the top. A nil err means that all has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, invocation Invocation) int {
	a := &app{Invocation: invocation}
	if a.Lookup == nil {
		a.Lookup = environment
	}
	a.logger = newLogger(a.Stderr, a.env("FRESHET_LOG"))
	if instance := a.env("FRESHET_INSTANCE"); instance != "" {
		a.logger = a.logger.With("instance", instance, "pid", os.Getpid()) // while it is replaced there are two
	}
	root := a.root()
	root.SetArgs(a.Args)
	return a.exitCode(root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "freshet",
		Short:         "Durable background tasks on nothing but PostgreSQL",
		Version:       a.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddGroup(
		&cobra.Group{ID: "serve", Title: "Serve:"},
		&cobra.Group{ID: "use", Title: "Use:"},
		&cobra.Group{ID: "check", Title: "Check and set up:"},
	)
	for group, commands := range map[string][]*cobra.Command{
		"serve": {a.devCommand(), a.upCommand(), a.apiCommand(), a.workerCommand(), a.runCommand()},
		"use":   a.clientCommands(),
		"check": {a.initCommand(), a.validateCommand(), a.schemaCommand(), a.migrateCommand(), a.doctorCommand(), a.openapiCommand()},
		"":      {a.exampleCommand()},
	} {
		for _, command := range commands {
			command.GroupID = group
			root.AddCommand(command)
		}
	}
	requireSubcommands(root)
	return root
}

// requireSubcommands makes wrong arguments a usage error everywhere: cobra knows no difference.
func requireSubcommands(command *cobra.Command) {
	check := command.Args
	command.Args = func(cmd *cobra.Command, args []string) error {
		if check == nil {
			check = cobra.NoArgs
		}
		if err := check(cmd, args); err != nil {
			return usage(err)
		}
		return nil
	}
	for _, child := range command.Commands() {
		requireSubcommands(child)
	}
}

func usage(err error) error { return &exitError{exitUsage, err} }

// exitCode says what went wrong, once, and picks the code for it.
func (a *app) exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	code := exitFailed
	var exit *exitError
	var end *programEnd
	var invalid *config.Error
	var all config.Errors
	switch {
	case errors.As(err, &end):
		code = end.code
	case errors.As(err, &exit):
		code = exit.code
		if exit.err == nil {
			return code
		}
	case errors.As(err, &all), errors.As(err, &invalid):
		code = exitConfig
	}
	fmt.Fprintf(a.Stderr, "freshet: %v\n", err)
	if exit != nil && exit.code == exitUsage {
		fmt.Fprintln(a.Stderr, "freshet: see freshet --help")
	}
	return code
}
