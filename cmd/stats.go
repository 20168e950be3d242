package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) statsCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "stats",
		Short: "Count what waits and what runs, by kind",
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.stats(cmd.Context(), asJSON) },
	}
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) stats(ctx context.Context, asJSON bool) error {
	return a.withServer(func(server *client.Client) error {
		answer, err := server.Stats(ctx)
		if err != nil {
			return fmt.Errorf("count tasks: %w", err)
		}
		if asJSON {
			return a.printJSON(answer)
		}
		stats := answer.Value
		rows := [][]string{{"KIND", "PENDING", "RUNNING", "WAITING FOR"}}
		for _, k := range stats.Kinds {
			rows = append(rows, []string{k.Kind, strconv.Itoa(k.Pending), strconv.Itoa(k.Running), reasons(k.Waiting)})
		}
		rows = append(rows, []string{"all", strconv.Itoa(stats.Pending), strconv.Itoa(stats.Running)})
		return table(a.Stdout, widestCell, rows)
	})
}

// reasons shows why tasks wait: 5 queued, 2 scheduled.
func reasons(waiting map[string]int) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(waiting)) {
		parts = append(parts, fmt.Sprintf("%d %s", waiting[reason], reason))
	}
	return strings.Join(parts, ", ")
}
