package config

import (
	"strings"

	"freshet/jobs/kind"
)

// Telemetry is who is told what happens in Freshet's processes.
type Telemetry struct {
	OTLP string // address of a collector of OpenTelemetry that takes OTLP over HTTP; ${VAR} not resolved yet; empty: none
}

func telemetryShape() shape[Telemetry] {
	return object(
		field("otlp", "Address of a collector of OpenTelemetry that takes OTLP over HTTP. ${VAR} and ${VAR:-x} are resolved by each process.",
			collector(), func(t *Telemetry) *string { return &t.OTLP }),
	)
}

// collector is an address, or what becomes one where its variables are set.
func collector() shape[string] {
	written := address("http://127.0.0.1:4318", false)
	return shape[string]{words().schema, func(r *reader, at place, n *node, into *string) {
		if n.nodeType != textNode || !strings.Contains(n.text, "${") {
			written.read(r, at, n, into)
			return
		}
		if _, err := kind.Resolve(n.text, func(string) (string, bool) { return "", true }); err != nil {
			r.fail(at, n, "%v", err)
			return
		}
		*into = n.text
	}}
}
