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
		a.migrateUpCommand(),
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

func (a *app) migrateUpCommand() *cobra.Command {
	var force bool
	command := &cobra.Command{
		Use:   "up",
		Short: "Apply all migrations that are missing",
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.migrateUp(cmd, force) },
	}
	command.Flags().BoolVar(&force, "force", false, "go on although workers of an earlier release live: they count as dead, and what they run is done again")
	return command
}

func (a *app) migrateUp(cmd *cobra.Command, force bool) error {
	url, err := a.migrated()
	if err != nil {
		return err
	}
	up := migrations.Up
	if force {
		up = migrations.Force
	}
	if err := up(cmd.Context(), url); err != nil {
		return migrateRefused(err)
	}
	fmt.Fprintf(a.Stdout, "the database is at version %d\n", migrations.Latest())
	return nil
}

// migrateRefused adds what to do to an error that says who is in the way.
func migrateRefused(err error) error {
	if errors.Is(err, migrations.ErrInUse) {
		return fmt.Errorf("%w\nnothing was changed by it: replace them by the release that you come from, or stop them, and try again; "+
			"--force goes on without them", err)
	}
	return err
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
