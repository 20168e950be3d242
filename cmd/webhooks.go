package cmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) webhooksCommand() *cobra.Command {
	command := listCommand(a, "webhooks", "List, make, test and pause webhooks", (*client.Client).Webhooks,
		[]string{"ID", "URL", "EVENTS", "OF", "STATE"},
		func(w client.Webhook) []string {
			return []string{w.ID, w.URL, strings.Join(w.Events, ","), hears(w), webhookState(w)}
		})
	webhook := func(verb, what string, do deed) *cobra.Command { return a.deedCommand(verb+" ID", verb, what, do) }
	command.AddCommand(a.webhookCreateCommand(), a.webhookRotateCommand(),
		webhook("pause", "Have deliveries to a webhook wait", webhookDeed((*client.Client).PauseWebhook, true)),
		webhook("resume", "Send what waited, and go on", webhookDeed((*client.Client).PauseWebhook, false)),
		webhook("enable", "Tell a webhook of events again", webhookDeed((*client.Client).EnableWebhook, true)),
		webhook("disable", "Tell a webhook of nothing any more", webhookDeed((*client.Client).EnableWebhook, false)),
		webhook("test", "Send a message that tells of nothing", func(ctx context.Context, server *client.Client, id string) (any, string, error) {
			answer, err := server.TestWebhook(ctx, id)
			return answer, "see what becomes of it: freshet deliveries show " + answer.Value.ID, err
		}),
		webhook("delete", "Delete a webhook with its deliveries", quietly((*client.Client).DeleteWebhook)))
	return command
}

// webhookDeed switches something of a webhook on or off, and tells its state.
func webhookDeed(change func(*client.Client, context.Context, string, bool) (client.Answer[client.Webhook], error), on bool) deed {
	return func(ctx context.Context, server *client.Client, id string) (any, string, error) {
		answer, err := change(server, ctx, id, on)
		return answer, webhookState(answer.Value), err
	}
}

func (a *app) webhookCreateCommand() *cobra.Command {
	var webhook client.NewWebhook
	var asJSON bool
	command := &cobra.Command{
		Use:   "create URL",
		Short: "Make a webhook and print the secret that signs its messages; it is not shown again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			webhook.URL = args[0]
			return a.withServer(func(server *client.Client) error {
				made, err := server.CreateWebhook(cmd.Context(), webhook)
				if err != nil {
					return fmt.Errorf("create webhook: %w", err)
				}
				return a.printSecret(made, asJSON)
			})
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&webhook.Events, "event", nil, "what it hears of (default: task.completed, task.failed, task.cancelled)")
	flags.StringSliceVar(&webhook.Kinds, "kind", nil, "of tasks of this kind alone; may be given more than once")
	flags.StringVar(&webhook.Owner, "owner", "", "whose tasks it hears of (default: the key's own owner)")
	flags.BoolVar(&webhook.Everyone, "everyone", false, "it hears of every owner's tasks")
	flags.StringToStringVar(&webhook.Headers, "header", nil, "sent along, NAME=VALUE; may be given more than once")
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) webhookRotateCommand() *cobra.Command {
	var keep string
	var asJSON bool
	command := &cobra.Command{
		Use:   "rotate ID",
		Short: "Give a webhook another secret and print it; the one before signs, too, for a while",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(func(server *client.Client) error {
				made, err := server.RotateWebhook(cmd.Context(), args[0], keep)
				if err != nil {
					return fmt.Errorf("rotate webhook %s: %w", args[0], err)
				}
				return a.printSecret(made, asJSON)
			})
		},
	}
	command.Flags().StringVar(&keep, "keep", "24h", "how long the secret before signs, too")
	jsonFlag(command, &asJSON)
	return command
}

// printSecret prints the secret alone, so that it can be piped on.
func (a *app) printSecret(made client.Answer[client.Webhook], asJSON bool) error {
	if asJSON {
		return a.printJSON(made)
	}
	_, err := fmt.Fprintln(a.Stdout, made.Value.Secret)
	return err
}

// hears is whose tasks a webhook hears of, in a few words.
func hears(w client.Webhook) string {
	whose := w.Owner
	if w.Everyone {
		whose = "everyone"
	}
	if len(w.Kinds) > 0 {
		whose += ": " + strings.Join(w.Kinds, ",")
	}
	return whose
}

func webhookState(w client.Webhook) string {
	switch {
	case !w.Enabled && w.DisabledReason != "":
		return "disabled: " + w.DisabledReason
	case !w.Enabled:
		return "disabled"
	case w.PausedAt != nil:
		return pauseText(w.PausedAt)
	case w.FailingSince != nil:
		return "failing for " + age(*w.FailingSince)
	default:
		return pauseText(nil)
	}
}

func (a *app) deliveriesCommand() *cobra.Command {
	var filter client.DeliveryFilter
	command := listCommand(a, "deliveries", "List what webhooks were sent, the newest first",
		func(server *client.Client, ctx context.Context) (client.Answer[client.List[client.Delivery]], error) {
			return server.Deliveries(ctx, filter)
		},
		[]string{"ID", "EVENT", "TASK", "STATE", "TRIES", "LAST ANSWER", "AGE"},
		func(d client.Delivery) []string {
			return []string{d.ID, d.Type, d.TaskID, deliveryState(d), strconv.Itoa(d.Tries), answerText(d.LastTry), age(d.CreatedAt)}
		})
	flags := command.Flags()
	flags.StringVar(&filter.Webhook, "webhook", "", "only those to a webhook")
	flags.StringVar(&filter.Task, "task", "", "only those of a task")
	flags.StringVar(&filter.State, "state", "", "only those that are pending, delivered or failed")
	flags.StringVar(&filter.Limit, "limit", "50", "at most so many")
	command.AddCommand(a.deliveryShowCommand(), a.deedCommand("resend ID", "resend", "Send a message again",
		func(ctx context.Context, server *client.Client, id string) (any, string, error) {
			answer, err := server.Resend(ctx, id)
			return answer, deliveryState(answer.Value), err
		}))
	return command
}

func (a *app) deliveryShowCommand() *cobra.Command {
	return a.deedCommand("show ID", "show", "Show a delivery, with all its tries",
		func(ctx context.Context, server *client.Client, id string) (any, string, error) {
			answer, err := server.Delivery(ctx, id)
			d := answer.Value
			lines := []string{d.Type + " to " + d.URL + ": " + deliveryState(d)}
			for _, try := range d.History {
				lines = append(lines, fmt.Sprintf("%s  try %d  %d ms  %s  %s", moment(try.At), try.Number, try.TookMS, answerText(&try), line(try.Answer, longestLine)))
			}
			return answer, strings.Join(lines, "\n"), err
		})
}

func deliveryState(d client.Delivery) string {
	if d.NextAt != nil && d.Tries > 0 {
		return d.State + " until " + moment(*d.NextAt)
	}
	return d.State
}

func answerText(try *client.DeliveryTry) string {
	switch {
	case try == nil:
		return ""
	case try.Status == 0:
		return try.Error
	default:
		return strconv.Itoa(try.Status)
	}
}
