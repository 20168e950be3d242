package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) userCommand() *cobra.Command {
	command := &cobra.Command{Use: "user", Short: "List, make, change and delete the people who sign in with a password"}
	list := listCommand(a, "list", "List the users", (*client.Client).Users,
		[]string{"NAME", "ROLE", "AGE", "LAST LOGIN"},
		func(u client.User) []string { return []string{u.Name, role(u), age(u.CreatedAt), lastLogin(u)} })
	command.AddCommand(list, a.userAddCommand(), a.userPasswordCommand(),
		a.userDisabledCommand("disable", "Keep a user from signing in, and end the user's sessions", true),
		a.userDisabledCommand("enable", "Let a user sign in again", false),
		a.deedCommand("delete NAME", "delete user", "Delete a user, and cancel all tasks of this owner that have not ended",
			quietly((*client.Client).DeleteUser)))
	return command
}

func (a *app) userAddCommand() *cobra.Command {
	var user client.NewUser
	var asJSON bool
	command := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a user; the password is asked for, or is the first line of standard input",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			user.Name = args[0]
			if user.Password, err = a.newPassword(cmd.Context(), user.Name); err != nil {
				return err
			}
			return a.userDone("add", asJSON, func(server *client.Client) (client.Answer[client.User], error) {
				return server.CreateUser(cmd.Context(), user)
			})
		},
	}
	command.Flags().BoolVar(&user.Admin, "admin", false, "the user sees and may do everything")
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) userPasswordCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "passwd NAME",
		Short: "Give a user another password, and end the user's sessions",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := a.newPassword(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.changeUser(cmd.Context(), "passwd", args[0], client.UserPatch{Password: &password}, asJSON)
		},
	}
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) userDisabledCommand(verb, what string, disabled bool) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   verb + " NAME",
		Short: what,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeUser(cmd.Context(), verb, args[0], client.UserPatch{Disabled: &disabled}, asJSON)
		},
	}
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) changeUser(ctx context.Context, verb, name string, patch client.UserPatch, asJSON bool) error {
	return a.userDone(verb, asJSON, func(server *client.Client) (client.Answer[client.User], error) {
		return server.ChangeUser(ctx, name, patch)
	})
}

// userDone does something to a user, and shows what has become of the user where that is asked for.
func (a *app) userDone(verb string, asJSON bool, do func(*client.Client) (client.Answer[client.User], error)) error {
	return a.withServer(func(server *client.Client) error {
		user, err := do(server)
		if err != nil {
			return fmt.Errorf("user %s: %w", verb, err)
		}
		if asJSON {
			return a.printJSON(user)
		}
		return nil
	})
}

func role(u client.User) string {
	text := "user"
	if u.Admin {
		text = "admin"
	}
	if u.Disabled {
		text += ", disabled"
	}
	return text
}

func lastLogin(u client.User) string {
	if u.LastLoginAt == nil {
		return "never"
	}
	return age(*u.LastLoginAt) + " ago"
}
