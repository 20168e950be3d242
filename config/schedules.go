package config

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"freshet/jobs"
	"freshet/jobs/cron"
	"freshet/jobs/document"
	"freshet/jobs/kind"
)

// scheduleEntry is a schedule as it stands in the file.
type scheduleEntry struct {
	jobs.Schedule
	at   place
	node *node
}

// adminOwner is whose a schedule is that names no other owner.
const adminOwner = jobs.GivenKey

func scheduleShape() shape[scheduleEntry] {
	type e = scheduleEntry
	content := object(
		field("name", "What it is called.", name(), func(s *e) *string { return &s.Name }).must(),
		field("cron", "When it is due: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.",
			expression(), func(s *e) *string { return &s.Cron }).must(),
		field("timezone", "The time zone whose clocks it goes by.", timezone(), func(s *e) *string { return &s.Timezone }).otherwise("UTC"),
		field("kind", "The kind of its tasks.", name(), func(s *e) *string { return &s.Kind }).must(),
		field("input", "Their input.", anything(), func(s *e) *json.RawMessage { return &s.Input }).otherwiseEmpty(),
		field("missed", "What becomes of times at which nothing could be made: run_once (one task for all of them) or skip.",
			choice(string(jobs.RunOnce), string(jobs.Skip)), func(s *e) *string { return (*string)(&s.Missed) }).otherwise(string(jobs.RunOnce)),
		field("owner", "Whose it is, and its tasks are.", owner(), func(s *e) *string { return &s.Owner }).otherwise(adminOwner),
		field("tags", "Of its tasks.", tags(), func(s *e) *[]string { return &s.Tags }),
		field("priority", "Of its tasks.", choice(string(jobs.Low), string(jobs.Normal), string(jobs.High)),
			func(s *e) *string { return (*string)(&s.Priority) }).otherwise(string(jobs.Normal)),
	)
	return shape[e]{content.schema, func(r *reader, at place, n *node, into *e) {
		content.read(r, at, n, into)
		into.Source, into.at, into.node = jobs.FromFile, at, n
	}}
}

// expression is a cron expression.
func expression() shape[string] {
	return matching(nil, "a cron expression", "0 3 * * *").then(func(r *reader, at place, n *node, value *string) {
		zone, err := cron.Zone("UTC")
		if err == nil {
			_, err = cron.Parse(*value, zone)
		}
		if err != nil {
			r.fail(at, n, "%s: %v", quote(*value), err)
		}
	})
}

func timezone() shape[string] {
	return matching(nil, "a time zone", "Europe/Berlin").then(func(r *reader, at place, n *node, value *string) {
		if _, err := cron.Zone(*value); err != nil {
			r.fail(at, n, "%v", err)
		}
	})
}

// owner is the name of an owner.
func owner() shape[string] {
	return matching(nil, "an owner", "").then(func(r *reader, at place, n *node, value *string) {
		if !jobs.ValidOwner(*value) {
			r.fail(at, n, "%s must be 1 to %d printable bytes", quote(*value), jobs.MaxOwner)
		}
	})
}

func tags() shape[[]string] {
	return list(words()).then(func(r *reader, at place, n *node, value *[]string) {
		if len(*value) > jobs.MaxTags {
			r.fail(at, n, "are %d, more than %d", len(*value), jobs.MaxTags)
		}
		for i, tag := range *value {
			if tag == "" || len(tag) > jobs.MaxTag {
				r.fail(at.item(i), n.items[i], "must have 1 to %d bytes", jobs.MaxTag)
			}
		}
	})
}

// anything is any value, as JSON.
func anything() shape[json.RawMessage] {
	return shape[json.RawMessage]{map[string]any{}, func(r *reader, at place, n *node, into *json.RawMessage) {
		if n.nodeType == nullNode {
			r.fail(at, n, "has no value; it must have one, or the key be removed")
		}
		*into = n.appendJSON(nil)
	}}
}

// checkSchedules checks what only the whole file can tell: that names are used once, and that there are
// the kinds and take the inputs.
func (r *reader) checkSchedules(content *file) {
	lines := map[string]int{}
	var names []string
	for _, entry := range content.kinds {
		names = append(names, entry.Name)
	}
	for _, schedule := range content.schedules {
		if first, taken := lines[schedule.Name]; taken && schedule.Name != "" {
			r.fail(schedule.at.key("name"), schedule.node.nearest("name"), "there is another schedule %q in line %d", schedule.Name, first)
		}
		lines[schedule.Name] = schedule.node.line
		i := slices.Index(names, schedule.Kind)
		switch {
		case schedule.Kind == "":
		case i < 0:
			r.fail(schedule.at.key("kind"), schedule.node.nearest("kind"), "there is no kind %q%s",
				schedule.Kind, document.Suggestion(schedule.Kind, names))
		default:
			r.checkInput(schedule, content.kinds[i].Kind)
		}
	}
}

// checkInput holds a schedule's input against its kind, if that is right itself.
func (r *reader) checkInput(schedule scheduleEntry, target jobs.Kind) {
	compiled, err := kind.Compile(target)
	if err != nil {
		return
	}
	var invalid *kind.Invalid
	if !errors.As(compiled.ValidateInput(schedule.Input), &invalid) {
		return
	}
	for _, problem := range invalid.Problems {
		at, n, rest := schedule.node.follow(schedule.at, append([]string{"input"}, pointerTokens(problem.Pointer)...))
		message := problem.Message
		if len(rest) > 0 {
			message = "/" + strings.Join(rest, "/") + ": " + message
		}
		r.fail(at, n, "%s", message)
	}
}
