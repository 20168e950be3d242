package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"freshet/jobs"
	"freshet/jobs/kind"
)

// Bounds of a submit.
const (
	maxInput    = 1 << 20
	maxTags     = jobs.MaxTags
	maxTag      = jobs.MaxTag
	maxMetadata = 16 << 10
	maxKey      = 255 // bytes
	maxOwner    = jobs.MaxOwner
	maxAhead    = 366 * 24 * time.Hour
)

// submitRequest asks for one task.
type submitRequest struct {
	Kind     string          `json:"kind" example:"report" doc:"Name of the kind, as in freshet.yaml."`
	Input    json.RawMessage `json:"input,omitempty" doc:"Must fit the kind's input schema; {} when absent. At most 1 MiB."`
	Owner    *string         `json:"owner,omitempty" minLength:"1" maxLength:"255" doc:"Whose task it is; the key's own owner when absent. Another one needs a key with actAsOwner."`
	Tags     []string        `json:"tags,omitempty" nullable:"false" maxItems:"20" doc:"For lists; each at most 100 bytes."`
	Metadata json.RawMessage `json:"metadata,omitempty" doc:"Your own notes, kept with the task; at most 16 KiB."`
	Priority jobs.Priority   `json:"priority,omitempty" enum:"low,normal,high" default:"normal"`

	ScheduledAt *time.Time `json:"scheduledAt,omitempty" doc:"Not before this time; at most 366 days ahead. Past times mean now."`
	Delay       string     `json:"delay,omitempty" example:"30m" doc:"Not before so long from now, instead of scheduledAt."`
	Timeout     string     `json:"timeout,omitempty" example:"10m" doc:"Wall clock of one attempt; at most the kind's."`

	WebhookURL string `json:"webhookUrl,omitempty" maxLength:"2048" example:"https://app.example.com/hooks/freshet" doc:"Is told of the task's end, signed with the signing secret of the API key. Only with an API key that has one."`

	IdempotencyKey   *string               `json:"idempotencyKey,omitempty" minLength:"1" maxLength:"255" doc:"Makes repeats of this submit one task."`
	IdempotencyScope jobs.IdempotencyScope `json:"idempotencyScope,omitempty" enum:"retained,active" default:"retained" doc:"How long the key is taken: as long as the task is kept, or until it ends."`
}

// TransformSchema says what json.RawMessage cannot: metadata is an object.
func (submitRequest) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	schema.Properties["metadata"].Type = huma.TypeObject
	return schema
}

// order is a submission with what its first answer shows beside it.
type order struct {
	jobs.Submission

	paused bool
}

// prepare decides everything about a task that is to be stored. The error is a problem that lists all
// that is wrong with the request.
func (s *Server) prepare(ctx context.Context, request submitRequest) (order, error) {
	identity := caller(ctx)
	request = request.withDefaults(identity)
	now := time.Now()
	checked := request.check(now)
	if len(checked.faults) > 0 {
		return order{}, newProblem(codeInvalidRequest, "", checked.faults...)
	}
	if !identity.May(*request.Owner) {
		return order{}, newProblem(codeForbidden, "Only a key with actAsOwner submits for another owner.",
			fault{"/owner", string(codeForbidden), "is not the key's own owner"})
	}
	kind, err := s.catalogue.get(ctx, request.Kind)
	if err != nil {
		return order{}, err
	}
	if kind.Timeout > 0 && checked.timeout > kind.Timeout {
		return order{}, newProblem(codeInvalidRequest, "",
			fault{"/timeout", "maximum", fmt.Sprintf("is longer than the kind's, which is %s", kind.Timeout)})
	}
	if err := fits(kind, request.Input); err != nil {
		return order{}, err
	}
	webhook, err := s.taskWebhook(identity, request.WebhookURL)
	if err != nil {
		return order{}, err
	}
	submission, err := kind.Submission(kind.revision, jobs.Submission{
		Owner: *request.Owner, Priority: request.Priority, Tags: request.Tags, Metadata: request.Metadata, Timeout: checked.timeout,
		Input: request.Input, ScheduledAt: checked.scheduledAt, Webhook: webhook,
	}, now)
	if err != nil {
		return order{}, err
	}
	if request.IdempotencyKey != nil {
		if submission.Idempotency, err = request.idempotency(); err != nil {
			return order{}, err
		}
	}
	return order{submission, kind.paused}, nil
}

// fits tells whether a kind takes an input; the error is a problem.
func fits(kind entry, input json.RawMessage) error {
	if len(input) > maxInput {
		return newProblem(codeTooLarge, "", fault{"/input", string(codeTooLarge), fmt.Sprintf("is longer than %d bytes", maxInput)})
	}
	err := kind.ValidateInput(input)
	if err == nil {
		return nil
	}
	return misfitInput(err)
}

func misfitInput(err error) error {
	var invalid *kind.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	faults := make([]fault, len(invalid.Problems))
	for i, wrong := range invalid.Problems {
		faults[i] = fault{"/input" + wrong.Pointer, wrong.Code, wrong.Message}
	}
	return newProblem(codeInvalidInput, "", faults...)
}

// withDefaults fills in what the request leaves open. A null says nothing.
func (r submitRequest) withDefaults(identity jobs.Identity) submitRequest {
	if len(r.Input) == 0 || string(r.Input) == "null" {
		r.Input = json.RawMessage(`{}`)
	}
	if string(r.Metadata) == "null" {
		r.Metadata = nil
	}
	if r.Owner == nil {
		r.Owner = &identity.Owner
	}
	if r.Priority == "" {
		r.Priority = jobs.Normal
	}
	if r.IdempotencyKey != nil && r.IdempotencyScope == "" {
		r.IdempotencyScope = jobs.Retained
	}
	return r
}

// idempotency binds the key to the content of the request, whatever the order of its fields and those
// of its objects.
func (r submitRequest) idempotency() (*jobs.Idempotency, error) {
	claim := &jobs.Idempotency{Key: *r.IdempotencyKey, Scope: r.IdempotencyScope}
	r.IdempotencyKey = nil
	for _, raw := range []*json.RawMessage{&r.Input, &r.Metadata} {
		if *raw == nil {
			continue
		}
		// Numbers stay as they are written: as floats, two large ones could become one.
		canonical := jsontext.Value(strings.Clone(string(*raw)))
		err := canonical.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
		if err != nil {
			return nil, fmt.Errorf("canonical form of the request: %w", err)
		}
		*raw = json.RawMessage(canonical)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("canonical form of the request: %w", err)
	}
	claim.Fingerprint = sha256.Sum256(text)
	return claim, nil
}

// checked is a request whose fields have been looked at one by one.
type checked struct {
	faults      []fault
	scheduledAt *time.Time // nil: at once
	timeout     time.Duration
}

func (c *checked) refuse(bad bool, pointer, code, message string) {
	if bad {
		c.faults = append(c.faults, fault{pointer, code, message})
	}
}

// checkName refuses what is no name of a kind, a key, a schedule and the like.
func (c *checked) checkName(name, pointer string) {
	c.refuse(!jobs.ValidName(name), pointer, "pattern", fmt.Sprintf("must be small letters, digits and single hyphens, at most %d", jobs.MaxName))
}

// check looks at all that can be wrong with a request without its kind.
func (r submitRequest) check(now time.Time) checked {
	var c checked
	c.refuse(r.Kind == "", "/kind", "required", "is missing")
	c.refuse(!jobs.ValidOwner(*r.Owner), "/owner", "pattern", fmt.Sprintf("must be 1 to %d printable bytes", maxOwner))
	c.checkTags(r.Tags)
	c.refuse(r.Metadata != nil && r.Metadata[0] != '{', "/metadata", "type", "must be an object")
	c.refuse(len(r.Metadata) > maxMetadata, "/metadata", "maxLength", fmt.Sprintf("is longer than %d bytes", maxMetadata))
	c.checkPriority(r.Priority)
	c.refuse(r.IdempotencyKey != nil && (*r.IdempotencyKey == "" || len(*r.IdempotencyKey) > maxKey),
		"/idempotencyKey", "maxLength", fmt.Sprintf("must have 1 to %d bytes", maxKey))
	c.refuse(r.IdempotencyKey == nil && r.IdempotencyScope != "", "/idempotencyScope", "dependentRequired", "means nothing without an idempotencyKey")
	c.refuse(r.IdempotencyKey != nil && r.IdempotencyScope != jobs.Retained && r.IdempotencyScope != jobs.Active,
		"/idempotencyScope", "enum", "must be retained or active")
	c.checkTimes(r, now)
	return c
}

func (c *checked) checkTags(tags []string) {
	c.refuse(len(tags) > maxTags, "/tags", "maxItems", fmt.Sprintf("must be at most %d", maxTags))
	for i, tag := range tags {
		c.refuse(tag == "" || len(tag) > maxTag, fmt.Sprintf("/tags/%d", i), "maxLength", fmt.Sprintf("must have 1 to %d bytes", maxTag))
	}
}

func (c *checked) checkPriority(p jobs.Priority) {
	c.refuse(p != jobs.Low && p != jobs.Normal && p != jobs.High, "/priority", "enum", "must be low, normal or high")
}

func (c *checked) checkTimes(r submitRequest, now time.Time) {
	if r.Timeout != "" {
		timeout, ok := parseDuration(r.Timeout)
		c.refuse(!ok || timeout < time.Millisecond, "/timeout", "format", "must be a duration such as 30s or 10m")
		c.timeout = timeout
	}
	scheduled := r.ScheduledAt
	if r.Delay != "" {
		delay, ok := parseDuration(r.Delay)
		c.refuse(!ok, "/delay", "format", "must be a duration such as 30s, 10m or 7d")
		c.refuse(scheduled != nil, "/delay", "not", "cannot be given together with scheduledAt")
		at := now.Add(delay)
		scheduled = &at
	}
	if scheduled != nil && scheduled.After(now) {
		pointer := "/scheduledAt"
		if r.Delay != "" {
			pointer = "/delay"
		}
		c.refuse(scheduled.Sub(now) > maxAhead, pointer, "maximum", "must be at most 366 days ahead")
		c.scheduledAt = scheduled
	}
}

// task is the new task as it is right after it was stored, so that it need not be read back. The time
// is the id's, as in the database.
func (o order) task() jobs.Task {
	seconds, nanos := o.ID.Time().UnixTime()
	task := jobs.Task{
		ID: o.ID, Owner: o.Owner, Kind: o.Kind, KindHash: o.KindHash, Pool: o.Pool,
		State: jobs.Pending, Run: 1, Attempt: 1, MaxTries: o.MaxTries, Seq: 1,
		Priority: o.Priority, Tags: o.Tags, Metadata: o.Metadata, Timeout: o.Timeout, RerunOf: o.RerunOf,
		Input: o.Input, CreatedAt: time.Unix(seconds, nanos), ScheduledAt: o.ScheduledAt,
	}
	task.Wait = &jobs.Wait{Reason: jobs.WaitQueued, Since: task.CreatedAt}
	switch {
	case o.ScheduledAt != nil:
		task.Wait.Reason, task.Wait.Until = jobs.WaitScheduled, o.ScheduledAt
	case o.paused:
		task.Wait.Reason = jobs.WaitPaused
	}
	return task
}
