package tracing

import "go.opentelemetry.io/otel/attribute"

// Attribute is something that is told of a span.
type Attribute = attribute.KeyValue

// Text makes an attribute of a text that Freshet or its operator chose: a kind, a pool, a route, an id, a code.
func Text(name, value string) Attribute { return attribute.String(name, value) }

// Number makes an attribute of a number.
func Number(name string, value int) Attribute { return attribute.Int(name, value) }

// The names of attributes. Those of HTTP and of processes are OpenTelemetry's semantic conventions.
const (
	Method   = "http.request.method"
	Route    = "http.route"
	Status   = "http.response.status_code"
	ExitCode = "process.exit.code"
	Task     = "freshet.task.id"
	Tasks    = "freshet.tasks" // how many
	Kind     = "freshet.kind"
	Pool     = "freshet.pool"
	Attempt  = "freshet.attempt"
	Outcome  = "freshet.outcome"
	Code     = "freshet.code"
)
