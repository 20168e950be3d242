package cmd

import (
	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

func (a *app) kindsCommand() *cobra.Command {
	return listCommand(a, "kinds", "List the kinds that tasks can be submitted for", (*client.Client).Kinds,
		[]string{"NAME", "POOL", "STATE", "DESCRIPTION"},
		func(k client.Kind) []string { return []string{k.Name, k.Pool, pauseText(k.PausedAt), k.Description} })
}
