package cmd

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) workersCommand() *cobra.Command {
	return listCommand(a, "workers", "List the workers", (*client.Client).Workers,
		[]string{"ID", "POOL", "HOST", "PID", "RUNNING", "STATE", "AGE", "VERSION"},
		func(w client.Worker) []string {
			state := "alive"
			if time.Now().After(w.LeaseUntil) {
				state = "gone, last seen " + age(w.BeatAt) + " ago"
			}
			return []string{
				w.ID, w.Pool, w.Host, strconv.Itoa(w.PID), fmt.Sprintf("%d of %d", w.Running, w.Slots), state, age(w.StartedAt), w.Version,
			}
		})
}

// listCommand shows all of something as a table.
func listCommand[T any](a *app, name, what string, list func(*client.Client, context.Context) (client.Answer[client.List[T]], error),
	titles []string, row func(T) []string,
) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   name,
		Short: what,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(func(server *client.Client) error {
				all, err := list(server, cmd.Context())
				if err != nil {
					return fmt.Errorf("list %s: %w", name, err)
				}
				if asJSON {
					return a.printJSON(all)
				}
				rows := [][]string{titles}
				for _, item := range all.Value.Items {
					rows = append(rows, row(item.Value))
				}
				return table(a.Stdout, widestCell, rows)
			})
		},
	}
	jsonFlag(command, &asJSON)
	return command
}
