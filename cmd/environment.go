package cmd

import (
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
)

// environment is the one place where the process's environment is read.
func environment(name string) (string, bool) { return os.LookupEnv(name) }

// environ is the whole environment, for programs that need it to start at all.
func environ() []string { return os.Environ() }

// env reads a variable; an unset one is empty.
func (a *app) env(name string) string {
	value, _ := a.Lookup(name)
	return value
}

// firstEnv is the first of the variables that is set.
func (a *app) firstEnv(names ...string) string {
	for _, name := range names {
		if value := a.env(name); value != "" {
			return value
		}
	}
	return ""
}

// replaced is an environment in which some variables have these values, and some are not there at all.
func replaced(list []string, values map[string]string, without ...string) []string {
	var env []string
	for _, variable := range list {
		name, _, _ := strings.Cut(variable, "=")
		if _, given := values[name]; !given && !slices.Contains(without, name) {
			env = append(env, variable)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, name+"="+values[name])
	}
	return env
}

// newLogger logs as JSON lines; level is debug, info, warn or error, and info when it is none of them.
func newLogger(w io.Writer, level string) *slog.Logger {
	var threshold slog.Level
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		threshold = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: threshold}))
}
