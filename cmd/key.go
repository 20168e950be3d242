package cmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) keyCommand() *cobra.Command {
	command := &cobra.Command{Use: "key", Short: "List, make, rotate and revoke API keys"}
	list := listCommand(a, "list", "List the API keys", (*client.Client).Keys,
		[]string{"NAME", "OWNER", "MAY", "SECRETS", "LAST USED"},
		func(k client.Key) []string { return []string{k.Name, k.Owner, powers(k), secretsText(k), lastUse(k)} })
	command.AddCommand(list, a.keyCreateCommand(), a.keyRotateCommand(),
		a.deedCommand("delete NAME", "delete key", "Revoke an API key", quietly((*client.Client).DeleteKey)))
	return command
}

func (a *app) keyCreateCommand() *cobra.Command {
	var key client.NewKey
	var asJSON bool
	command := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an API key and print it; it is not shown again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key.Name = args[0]
			return a.withServer(func(server *client.Client) error {
				made, err := server.CreateKey(cmd.Context(), key)
				if err != nil {
					return fmt.Errorf("create key %s: %w", key.Name, err)
				}
				return a.printKey(made, asJSON)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&key.Owner, "owner", "", "whose tasks it is for (default: its name)")
	flags.BoolVar(&key.ActAsOwner, "act-as-owner", false, "it may name any owner: for the server of an app, which knows its users")
	flags.BoolVar(&key.Admin, "admin", false, "it sees and may do everything")
	flags.StringSliceVar(&key.Scopes, "scope", nil, "read, cancel, write (default: all of them)")
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) keyRotateCommand() *cobra.Command {
	var keep string
	var asJSON bool
	command := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Give an API key another secret and print it; the one before stays good for a while",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(func(server *client.Client) error {
				made, err := server.RotateKey(cmd.Context(), args[0], keep)
				if err != nil {
					return fmt.Errorf("rotate key %s: %w", args[0], err)
				}
				return a.printKey(made, asJSON)
			})
		},
	}
	command.Flags().StringVar(&keep, "keep", "24h", "how long the secret before stays good")
	jsonFlag(command, &asJSON)
	return command
}

// printKey prints the secret alone, so that it can be piped on.
func (a *app) printKey(made client.Answer[client.Key], asJSON bool) error {
	if asJSON {
		return a.printJSON(made)
	}
	_, err := fmt.Fprintln(a.Stdout, made.Value.Key)
	return err
}

func (a *app) tokenCommand() *cobra.Command {
	token := client.NewToken{}
	var asJSON bool
	command := &cobra.Command{
		Use:   "token",
		Short: "Make a token for a browser and print it",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(func(server *client.Client) error {
				made, err := server.CreateToken(cmd.Context(), token)
				if err != nil {
					return fmt.Errorf("make a token: %w", err)
				}
				if asJSON {
					return a.printJSON(made)
				}
				_, err = fmt.Fprintln(a.Stdout, made.Value.Token)
				return err
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&token.Owner, "owner", "", "whose tasks it is for (default: the key's own owner)")
	flags.StringSliceVar(&token.Tasks, "task", nil, "only for this task; may be given more than once")
	flags.StringSliceVar(&token.Scopes, "scope", []string{"read"}, "read, cancel")
	flags.StringVar(&token.TTL, "ttl", "15m", "how long it is good for, at most 1h")
	jsonFlag(command, &asJSON)
	return command
}

// powers is what a key may do, in a few words.
func powers(k client.Key) string {
	switch {
	case k.Admin:
		return "everything"
	case k.ActAsOwner:
		return strings.Join(k.Scopes, ",") + " for any owner"
	default:
		return strings.Join(k.Scopes, ",")
	}
}

func secretsText(k client.Key) string {
	texts := make([]string, len(k.Secrets))
	for i, secret := range k.Secrets {
		texts[i] = secret.Prefix + "…"
		if secret.ExpiresAt != nil {
			texts[i] += " for " + short(time.Until(*secret.ExpiresAt))
		}
	}
	return strings.Join(texts, ", ")
}

func lastUse(k client.Key) string {
	var last *time.Time
	for _, secret := range k.Secrets {
		if secret.LastUsedAt != nil && (last == nil || secret.LastUsedAt.After(*last)) {
			last = secret.LastUsedAt
		}
	}
	if last == nil {
		return "never"
	}
	return age(*last) + " ago"
}
