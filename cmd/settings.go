package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"freshet/config"
	"freshet/jobs"
)

const (
	configFile = "freshet.yaml"
	// riverUIVariable goes before server.riverUi, for an address with a password.
	riverUIVariable = "FRESHET_RIVER_UI"
)

func configFlag(command *cobra.Command, path *string) {
	command.Flags().StringVar(path, "config", "", "path of freshet.yaml (default: FRESHET_CONFIG, else ./freshet.yaml)")
}

// settings reads freshet.yaml. An empty path means FRESHET_CONFIG, else the current folder's file.
func (a *app) settings(path string) (*config.Config, error) {
	settings, _, err := a.settingsOf(path)
	return settings, err
}

// settingsOf is settings that also names the files which they are made of, or would be.
func (a *app) settingsOf(path string) (*config.Config, []string, error) {
	path = a.configPath(path)
	settings, sources, err := config.LoadSources(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sources, &exitError{exitConfig, fmt.Errorf("there is no %s: name one with --config, or write one with freshet init", path)}
	}
	if err != nil {
		return nil, sources, err
	}
	if url := a.env("FRESHET_PUBLIC_URL"); url != "" {
		settings.Server.PublicURL = url
	}
	if text := a.env(riverUIVariable); text != "" {
		if settings.Server.RiverUI, err = config.ParseRiverUI(text); err != nil {
			return nil, sources, &exitError{exitConfig, fmt.Errorf("%s: %w", riverUIVariable, err)}
		}
	}
	if url := a.env("FRESHET_OTLP"); url != "" {
		settings.Server.Telemetry.OTLP = url
	}
	return settings, sources, nil
}

func (a *app) configPath(flag string) string {
	return cmp.Or(flag, a.env("FRESHET_CONFIG"), configFile)
}

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a freshet.yaml, and say where it is wrong and how to mend it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := ""
			if len(args) == 1 {
				path = args[0]
			}
			settings, err := a.settings(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Stdout, "%s is right: %s, %s\n", settings.Path, count(len(settings.Kinds), "kind"), count(len(settings.Pools), "pool"))
			return nil
		},
	}
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of freshet.yaml, for editors",
		RunE: func(*cobra.Command, []string) error {
			_, err := a.Stdout.Write(config.Schema())
			return err
		},
	}
}

// pools are the configured pools as the database keeps them, with how this program starts their workers, if it does.
func pools(settings *config.Config, fleets map[string]*jobs.PoolFleet) []jobs.Pool {
	list := make([]jobs.Pool, len(settings.Pools))
	for i, pool := range settings.Pools {
		list[i] = jobs.Pool{Name: pool.Name, Provider: pool.Provider, Slots: pool.Slots, Fleet: fleets[pool.Name]}
	}
	return list
}

// kindNames are the names of the kinds that a worker with these settings can run.
func kindNames(settings *config.Config) []string {
	names := make([]string, len(settings.Kinds))
	for i, kind := range settings.Kinds {
		names[i] = kind.Name
	}
	return names
}
