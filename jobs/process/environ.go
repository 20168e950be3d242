package process

import (
	"maps"
	"slices"
)

// Environ makes the environment of a command from nothing: PATH, HOME, LANG, TZ and TMPDIR and the
// names allowed, as far as lookup knows them, and then extra, which wins. The list is sorted.
func Environ(allow []string, lookup func(name string) (string, bool), extra map[string]string) []string {
	values := map[string]string{}
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TZ", "TMPDIR"}, allow...) {
		if value, found := lookup(name); found {
			values[name] = value
		}
	}
	maps.Copy(values, extra)
	env := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, name+"="+values[name])
	}
	return env
}
