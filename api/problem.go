package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// code says in one word why a request was refused.
type code string

const (
	codeInvalidBody      code = "invalid_body"
	codeInvalidAddress   code = "invalid_address"
	codeInvalidID        code = "invalid_id"
	codeBadCursor        code = "bad_cursor"
	codeUnauthorized     code = "unauthorized"
	codeForbidden        code = "forbidden"
	codeBadSignature     code = "bad_signature"
	codeLinkExpired      code = "link_expired"
	codeNotFound         code = "not_found"
	codeMethodNotAllowed code = "method_not_allowed"
	codeBodyTimeout      code = "body_timeout"
	codeConflict         code = "idempotency_conflict"
	codeNameTaken        code = "name_taken"
	codeFromFile         code = "from_file"
	codeTaskEnded        code = "task_ended"
	codeNotEnded         code = "not_ended"
	codeTooLarge         code = "too_large"
	codeUnsupportedMedia code = "unsupported_media_type"
	codeInvalidRequest   code = "invalid_request"
	codeInvalidParameter code = "invalid_parameter"
	codeInvalidInput     code = "invalid_input"
	codeUnknownKind      code = "unknown_kind"
	codeTooManyStreams   code = "too_many_streams"
	codeTooManyLogins    code = "too_many_logins"
	codeRateLimited      code = "rate_limited"
	codeTooManyTasks     code = "too_many_tasks"
	codeQuotaExceeded    code = "quota_exceeded"
	codeClientGone       code = "client_gone"
	codeInternal         code = "internal"
	codeUnavailable      code = "unavailable"
	codeBusy             code = "busy"
	codeMaintenance      code = "maintenance"
)

const (
	problemType    = "application/problem+json"
	problemAddress = errorsPath + "#" // a code follows
	retrySoon      = "1"              // seconds
	retryLater     = "30"             // seconds
)

// refusal is one row of the table of codes.
type refusal struct {
	Code    code
	Status  int
	Title   string
	Meaning string
}

// refusals is the one table of codes. docs/errors.md shows it too.
func refusals() []refusal {
	return []refusal{
		{codeInvalidBody, 400, "The body cannot be read", "It is no JSON that can be kept, or has unknown fields or wrong types; errors say where."},
		{codeInvalidAddress, 400, "That is no address", "Path and query must be UTF-8 without NUL, correctly escaped."},
		{codeInvalidID, 400, "That is no id", "Ids are UUIDs in lower case, as the API gives them."},
		{codeBadCursor, 400, "The cursor is not good here", "A cursor goes with the list it came from: same key, same filter, unchanged."},
		{codeUnauthorized, 401, "Who are you?", "Send an API key or a token: Authorization: Bearer KEY."},
		{codeForbidden, 403, "Not yours", "The key or token does not reach this: it belongs to another owner, or needs an admin, or a scope."},
		{codeBadSignature, 403, "The address is not good", "A signed address was changed. List the artifacts for new ones."},
		{codeLinkExpired, 403, "The address has expired", "Signed addresses are good for five minutes. List the artifacts for new ones."},
		{codeNotFound, 404, "There is no such thing", "The address is wrong, or what it names was deleted."},
		{codeMethodNotAllowed, 405, "Not with this method", "The Allow header lists the methods of this address."},
		{codeBodyTimeout, 408, "The body came too slowly", "Send the whole body within fifteen seconds."},
		{codeConflict, 409, "The idempotency key is taken", "An earlier submit had the same key and another content."},
		{codeNameTaken, 409, "The name is taken", "There is another of this name. Choose a new one, or change that one."},
		{codeFromFile, 409, "It stands in freshet.yaml", "Change it there, and reload. Here it can be paused, resumed and run."},
		{codeTaskEnded, 409, "The task has ended", "It completed or failed before this could be done to it."},
		{codeNotEnded, 409, "The task has not ended", "This can only be done to a task that has ended. Cancel it first."},
		{codeTooLarge, 413, "The body is too large", "Inputs may have 1 MiB."},
		{codeUnsupportedMedia, 415, "Not in this form", "Bodies are JSON (Content-Type: application/json), not compressed."},
		{codeInvalidRequest, 422, "The request asks for what cannot be", "Values are missing, out of range or contradict each other; errors say where."},
		{codeInvalidParameter, 422, "A parameter is wrong", "A query parameter is unknown or has a bad value; errors say which."},
		{codeInvalidInput, 422, "The input does not fit the kind", "It breaks the kind's input schema; errors say where."},
		{codeUnknownKind, 422, "There is no such kind", "Kinds are those of freshet.yaml; GET /v1/kinds lists them."},
		{codeTooManyLogins, 429, "Too many tries", "Signing in failed too often, under this name or from this address. Come back after Retry-After."},
		{codeTooManyStreams, 429, "Too many streams", "The owner has as many open as it may. Close some, or come back."},
		{codeRateLimited, 429, "Too fast", "The owner submits faster than it may. Come back when Retry-After says."},
		{codeTooManyTasks, 429, "Too many open tasks", "The owner has as many tasks that have not ended as it may. Let some end, or cancel some."},
		{codeQuotaExceeded, 429, "No room left", "The owner's tasks take as many bytes as they may. Delete some, or come back when old ones are removed."},
		{codeClientGone, 499, "The client went away", "Only the log shows this: the client closed the connection before the answer."},
		{codeInternal, 500, "That is our fault", "The log says more, under the request's id."},
		{codeUnavailable, 503, "Not now", "The database does not answer. Try again soon."},
		{codeMaintenance, 503, "Nothing new is taken", "The operator has begun a maintenance. What runs goes on; try again later."},
		{codeBusy, 503, "Too many at once", "Others change the same task at this moment. Try again."},
	}
}

// refusalOf is the table's row of a code.
func refusalOf(c code) refusal {
	for _, row := range refusals() {
		if row.Code == c {
			return row
		}
	}
	return refusalOf(codeInternal)
}

// problem is an RFC 9457 problem, and the error that handlers refuse a request with.
type problem struct {
	Type      string  `json:"type" format:"uri-reference" doc:"Address of the code's explanation." example:"/docs/errors#invalid_input"`
	Title     string  `json:"title" doc:"The code in words; the same each time."`
	Status    int     `json:"status" example:"422"`
	Code      code    `json:"code" doc:"One word for programs." example:"invalid_input"`
	Detail    string  `json:"detail" doc:"What is wrong this time."`
	RequestID string  `json:"requestId" doc:"Under which the server's log knows the request; also in X-Request-Id."`
	Errors    []fault `json:"errors,omitempty" nullable:"false" doc:"The places in the request that are wrong."`

	headers http.Header
	cause   error // for the log
}

// fault is one place in a request that is wrong.
type fault struct {
	Pointer string `json:"pointer" doc:"JSON pointer into the body, or /query/NAME." example:"/input/startDate"`
	Code    string `json:"code" doc:"The JSON Schema keyword that failed, or one word." example:"required"`
	Message string `json:"message" example:"is missing"`
}

// newProblem makes a problem; an empty detail means the code's own meaning.
func newProblem(c code, detail string, faults ...fault) *problem {
	row := refusalOf(c)
	if detail == "" {
		detail = row.Meaning
	}
	return &problem{
		Type: problemAddress + string(row.Code), Title: row.Title, Status: row.Status, Code: row.Code,
		Detail: detail, Errors: faults, headers: http.Header{},
	}
}

// nameTaken refuses the name of another thing of the same sort.
func nameTaken(what string) *problem {
	return newProblem(codeNameTaken, "", fault{"/name", string(codeNameTaken), "is the name of another " + what})
}

// with adds a header to the answer.
func (p *problem) with(name, value string) *problem {
	p.headers.Set(name, value)
	return p
}

func (p *problem) Error() string {
	lines := []string{string(p.Code) + ": " + p.Detail}
	for _, f := range p.Errors {
		lines = append(lines, f.Pointer+" "+f.Message)
	}
	return strings.Join(lines, "; ")
}

func (p *problem) Unwrap() error { return p.cause }

// GetStatus, GetHeaders and ContentType are what huma asks of an error.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that go with the problem.
func (p *problem) GetHeaders() http.Header { return p.headers }

// ContentType is that of problems, whatever was negotiated.
func (p *problem) ContentType(string) string { return problemType }

// TransformSchema lists the codes in the OpenAPI document.
func (p *problem) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	for _, row := range refusals() {
		schema.Properties["code"].Enum = append(schema.Properties["code"].Enum, string(row.Code))
	}
	return schema
}
