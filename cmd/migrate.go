package cmd

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"freshet/migrations"
)

func (a *app) migrateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's tables to this version, or take them back",
		RunE: func(*cobra.Command, []string) error {
			return usage(errors.New("migrate what: up, down, version or grant?"))
		},
	}
	command.AddCommand(
		&cobra.Command{
			Use:   "up",
			Short: "Apply all migrations that are missing",
			RunE:  func(cmd *cobra.Command, _ []string) error { return a.migrateUp(cmd) },
		},
		&cobra.Command{
			Use:   "down STEPS",
			Short: "Take the last migrations back; with them goes what their tables hold",
			Args:  cobra.ExactArgs(1),
			RunE:  func(cmd *cobra.Command, args []string) error { return a.migrateDown(cmd, args[0]) },
		},
		&cobra.Command{
			Use:   "version",
			Short: "Print the version that the database is at, and the one that this program needs",
			RunE:  func(cmd *cobra.Command, _ []string) error { return a.migrateVersion(cmd) },
		},
		&cobra.Command{
			Use:   "grant ROLE",
			Short: "Let a role that does not own the tables do all of Freshet's work, behind row-level security",
			Args:  cobra.ExactArgs(1),
			RunE:  func(cmd *cobra.Command, args []string) error { return a.migrateGrant(cmd, args[0]) },
		},
	)
	return command
}

func (a *app) migrateUp(cmd *cobra.Command) error {
	url, err := a.migrated()
	if err != nil {
		return err
	}
	if err := migrations.Up(cmd.Context(), url); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "the database is at version %d\n", migrations.Latest())
	return nil
}

func (a *app) migrateDown(cmd *cobra.Command, text string) error {
	steps, err := strconv.Atoi(text)
	if err != nil || steps < 1 {
		return usage(fmt.Errorf("steps must be a whole number from 1, not %q", text))
	}
	url, err := a.migrated()
	if err != nil {
		return err
	}
	return migrations.Down(cmd.Context(), url, steps)
}

func (a *app) migrateVersion(cmd *cobra.Command) error {
	url, err := a.migrated()
	if err != nil {
		return err
	}
	version, dirty, err := migrations.Version(cmd.Context(), url)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "database %d, program %d\n", version, migrations.Latest())
	if dirty {
		fmt.Fprintln(a.Stdout, "a migration was cut off; freshet migrate up goes on by itself")
	}
	return nil
}

func (a *app) migrateGrant(cmd *cobra.Command, role string) error {
	url, err := a.migrated()
	if err != nil {
		return err
	}
	if err := migrations.Grant(cmd.Context(), url, role); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "role %s may do all of Freshet's work; have the API and the workers connect as it\n", visible(role))
	return err
}

// migrated is the address of the database that is to be migrated, which takes a session.
func (a *app) migrated() (string, error) {
	db, err := a.database()
	if err != nil {
		return "", err
	}
	return db.session()
}
