package cmd

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) auditCommand() *cobra.Command {
	var filter client.ActFilter
	var since time.Duration
	command := listCommand(a, "audit", "List who changed what, the newest first",
		func(server *client.Client, ctx context.Context) (client.Answer[client.List[client.Act]], error) {
			if since > 0 {
				filter.Since = time.Now().Add(-since)
			}
			return server.Acts(ctx, filter)
		},
		[]string{"AT", "ACTOR", "OWNER", "ACTION", "OBJECT", "STATUS", "FROM"},
		func(act client.Act) []string {
			return []string{moment(act.At), act.Actor, act.Owner, act.Action, act.Object, strconv.Itoa(act.Status), act.Address}
		})
	flags := command.Flags()
	flags.StringVar(&filter.Actor, "actor", "", "only by an API key of this name, or by what else let somebody in: session, token")
	flags.StringVar(&filter.Action, "action", "", "only this operation, such as cancel-task")
	flags.DurationVar(&since, "since", 0, "only of the last so long, such as 24h")
	flags.StringVar(&filter.Limit, "limit", "50", "at most so many")
	return command
}
