package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/process/sandbox"
	"freshet/jobs/runner"
)

// workspacesFolder is where the attempts of a worker have theirs; root is what the flag says.
func workspacesFolder(root string) (string, error) {
	if root == "" {
		root = filepath.Join(os.TempDir(), fmt.Sprintf("freshet-%d", os.Getuid()))
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("folder of workspaces: %w", err)
	}
	return root, nil
}

// sandboxesPossible refuses a worker that could only fail: this machine must be able to confine the commands of
// its kinds as they want it. root is its folder of workspaces; empty is the usual one.
func sandboxesPossible(settings *config.Config, pool, root string) error {
	root, err := workspacesFolder(root)
	if err != nil {
		return err
	}
	host := &runner.Host{Root: root, Project: settings.Folder}
	var missing []error
	for _, k := range settings.Kinds {
		if k.Pool != pool {
			continue
		}
		if err := host.CheckSandbox(k); err != nil {
			missing = append(missing, fmt.Errorf("%s: kind %s: %w", settings.Path, k.Name, err))
		}
	}
	if len(missing) > 0 {
		return &exitError{exitConfig, errors.Join(missing...)}
	}
	return nil
}

// examineSandboxes looks at what commands would be confined by.
func examineSandboxes(settings *config.Config) []finding {
	var findings []finding
	for _, pool := range settings.Pools {
		if err := sandboxesPossible(settings, pool.Name, ""); err != nil {
			findings = append(findings, finding{"sandboxes of pool " + pool.Name, false, "a worker started here would refuse: " + err.Error()})
		}
	}
	asked := slices.ContainsFunc(settings.Kinds, func(k jobs.Kind) bool { return k.Sandbox != nil })
	switch {
	case !asked || len(findings) > 0:
	case sandbox.KeepsSignals():
		findings = append(findings, finding{what: "sandboxes of commands"})
	default:
		findings = append(findings, finding{"sandboxes of commands", false,
			"they can signal other processes of their user: that takes Linux 6.12"})
	}
	return findings
}
