package config

import (
	"time"

	"freshet/jobs"
)

// ofCommands are the keys of a kind that mean something to a process alone.
func ofCommands() []string {
	return []string{"cwd", "env", "passEnv", "grace", "memory", "processes", "openFiles", "disk", "files", "sandbox", "logs"}
}

func httpShape() shape[*jobs.HTTP] {
	content := object(
		field("url", "The route's address. ${VAR} and ${VAR:-x} are resolved by the worker.", words(),
			func(h *jobs.HTTP) *string { return &h.URL }).must(),
		field("timeout", "How long the request and its answer may take; at most the kind's timeout.", duration(time.Millisecond),
			func(h *jobs.HTTP) *time.Duration { return &h.Timeout }),
	)
	return shape[*jobs.HTTP]{content.schema, func(r *reader, at place, n *node, into **jobs.HTTP) {
		*into = &jobs.HTTP{}
		content.read(r, at, n, *into)
	}}
}

// checkRoute refuses what a kind with http has no use for, and takes the defaults of it away.
func checkRoute(r *reader, at place, n *node, k *entry) {
	if k.HTTP == nil {
		return
	}
	for _, name := range ofCommands() {
		if value := n.get(name); value != nil {
			r.fail(at.key(name), value, "is for kinds with command: the route of an http kind runs in your app; remove it")
		}
	}
	if k.HTTP.Timeout > k.Timeout {
		r.fail(at.key("http").key("timeout"), n.get("http").get("timeout"), "is %v, more than the kind's timeout, which is %v", k.HTTP.Timeout, k.Timeout)
	}
	k.Cwd, k.Grace, k.LogBytes = "", 0, 0
	k.Processes, k.OpenFiles, k.Disk, k.Files = 0, 0, 0, 0
}

// eitherWay tells editors the same: a kind has a command, or http without the keys of commands.
func eitherWay() []any {
	without := map[string]any{"command": false}
	for _, name := range ofCommands() {
		without[name] = false
	}
	return []any{
		map[string]any{"required": []string{"command"}, "properties": map[string]any{"http": false}},
		map[string]any{"required": []string{"http"}, "properties": without},
	}
}
