package cmd

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) poolsCommand() *cobra.Command {
	return listCommand(a, "pools", "List the pools, and what waits and runs in each", (*client.Client).Pools,
		[]string{"NAME", "PROVIDER", "WORKERS", "SLOTS EACH", "QUEUED", "RUNNING", "STATE"},
		func(p client.Pool) []string {
			return []string{
				p.Name, p.Provider, strconv.Itoa(p.Workers), strconv.Itoa(p.Slots), strconv.Itoa(p.Queued), strconv.Itoa(p.Running),
				pauseText(p.PausedAt),
			}
		})
}

// pauseText tells whether a kind or a pool starts tasks.
func pauseText(since *time.Time) string {
	if since == nil {
		return "open"
	}
	return "paused for " + age(*since)
}
