package runner

import (
	"slices"

	"freshet/jobs/kind"
	"freshet/jobs/redact"
)

// minLiteral is from how many bytes on a value that stands in freshet.yaml itself is a secret: most of them
// are plain settings. Of what comes from the worker's environment, package redact says it.
const minLiteral = 8

// secrets knows what no record of an attempt of a kind may show: the values of its variables, those that
// they are made of, and the worker's own secrets.
func (h *Host) secrets(k *kind.Kind) *redact.Redactor {
	values := slices.Clone(h.Hidden)
	shown := h.ShowEnv[k.Name]
	use := func(name string) (string, bool) {
		value, found := h.lookup(name)
		if found && !slices.Contains(shown, name) {
			values = append(values, value)
		}
		return value, found
	}
	for _, name := range h.PassEnv[k.Name] {
		use(name)
	}
	if k.HTTP != nil {
		_, _ = kind.Resolve(k.HTTP.URL, use) // one that is not set is told where it is needed
	}
	for name, text := range k.Env {
		value, err := kind.Resolve(text, use)
		if err != nil || slices.Contains(shown, name) || value == text && len(value) < minLiteral {
			continue
		}
		values = append(values, value)
	}
	return redact.New(values...)
}
