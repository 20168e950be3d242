package runner

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"freshet/jobs"
	"freshet/jobs/process/sandbox"
)

// CheckSandbox tells whether the commands of a kind could be confined here as it wants: the machine can, what is
// named is there, and the workspaces of other tasks are not in it. A kind without a sandbox always can.
func (h *Host) CheckSandbox(k jobs.Kind) error {
	if k.Sandbox == nil {
		return nil
	}
	rules, err := h.rules(k)
	if err == nil {
		err = sandbox.Check(*rules)
	}
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// rules are what a kind's sandbox comes to on this machine, but for the workspace; nil without one.
func (h *Host) rules(k jobs.Kind) (*sandbox.Rules, error) {
	if k.Sandbox == nil {
		return nil, nil //nolint:nilnil // no rules
	}
	rules := &sandbox.Rules{Read: h.located(k.Sandbox.Read), Write: h.located(k.Sandbox.Write), Ports: k.Sandbox.Ports}
	if k.Cwd != jobs.CwdWorkspace {
		rules.Dir = h.folder(k.Cwd)
	}
	for _, path := range slices.Concat(rules.Read, rules.Write, []string{rules.Dir}, sandbox.System()) {
		if path != "" && holds(path, h.Root) {
			return nil, fmt.Errorf("%s holds the workspaces of all tasks, which are in %s: name a smaller folder, "+
				"or put them elsewhere with --workspaces", path, h.Root)
		}
	}
	return rules, nil
}

// located are paths that a kind names, as absolute ones. A file called project is one.
func (h *Host) located(paths []string) []string {
	var all []string
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(h.Project, path)
		}
		all = append(all, path)
	}
	return all
}

// holds tells whether a folder is, or is above, another, whatever links lead to them.
func holds(folder, other string) bool {
	below, err := filepath.Rel(resolved(folder), resolved(other))
	return err == nil && below != ".." && !strings.HasPrefix(below, "../")
}

// resolved is a path without links, as far as it exists.
func resolved(path string) string {
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}
