package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"freshet/jobs/document"
)

// words is text of any form, without NUL.
func words() shape[string] { return matching(nil, "text", "") }

// matching is text of a form. expected says what it must be; example is shown when it is not.
func matching(pattern *regexp.Regexp, expected, example string) shape[string] {
	schema := map[string]any{"type": "string"}
	if pattern != nil {
		schema["pattern"] = pattern.String()
	}
	if example != "" {
		schema["examples"] = []string{example}
		expected += " such as " + example
	}
	return shape[string]{schema, func(r *reader, at place, n *node, into *string) {
		switch {
		case !r.is(textNode, expected, at, n):
		case strings.ContainsRune(n.text, 0):
			r.fail(at, n, "contains the NUL character")
		case pattern != nil && !pattern.MatchString(n.text):
			r.fail(at, n, "%s must be %s", quote(n.text), expected)
		default:
			*into = n.text
		}
	}}
}

// quote shows a value of the file, shortened.
func quote(text string) string {
	const longest = 60
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return strconv.Quote(text)
}

// choice is one of some words.
func choice(options ...string) shape[string] {
	schema := map[string]any{"enum": options}
	return shape[string]{schema, func(r *reader, at place, n *node, into *string) {
		switch {
		case !r.is(textNode, "one of "+strings.Join(options, ", "), at, n):
		case slices.Contains(options, n.text):
			*into = n.text
		default:
			r.fail(at, n, "%s must be one of %s%s", quote(n.text), strings.Join(options, ", "), document.Suggestion(n.text, options))
		}
	}}
}

// truth is true or false.
func truth() shape[bool] {
	return shape[bool]{map[string]any{"type": "boolean"}, func(r *reader, at place, n *node, into *bool) {
		if r.is(booleanNode, "true or false", at, n) {
			*into = n.text == "true"
		}
	}}
}

// whole is an integer from low to high.
func whole(low, high int) shape[int] {
	expected := fmt.Sprintf("an integer from %d to %d", low, high)
	schema := map[string]any{"type": "integer", "minimum": low, "maximum": high}
	return shape[int]{schema, func(r *reader, at place, n *node, into *int) {
		if !r.is(integerNode, expected, at, n) {
			return
		}
		value, err := strconv.Atoi(n.text)
		if err != nil || value < low || value > high {
			r.fail(at, n, "%s must be %s", n.text, expected)
			return
		}
		*into = value
	}}
}

// decimal is a number from low to high.
func decimal(low, high float64) shape[float64] {
	expected := fmt.Sprintf("a number from %g to %g", low, high)
	schema := map[string]any{"type": "number", "minimum": low, "maximum": high}
	return shape[float64]{schema, func(r *reader, at place, n *node, into *float64) {
		if n.nodeType != integerNode && !r.is(numberNode, expected, at, n) {
			return
		}
		value, err := strconv.ParseFloat(n.text, 64)
		if err != nil || value < low || value > high {
			r.fail(at, n, "%s must be %s", n.text, expected)
			return
		}
		*into = value
	}}
}

// Longer waits are mistakes, and their sums could overflow.
const maxDuration = 10 * 365 * 24 * time.Hour

// duration is a time span of at least low.
func duration(low time.Duration) shape[time.Duration] {
	const expected = "a duration such as 30s, 30m, 24h or 7d"
	units := map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
	return measured(`^[0-9]+(ms|s|m|h|d)$`, expected, units, low, maxDuration)
}

// size is a number of bytes, at least one.
func size() shape[int64] {
	const expected = "a size such as 500MB, 64MiB or 2GiB"
	units := map[string]int64{
		"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
	return measured(`^[0-9]+(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$`, expected, units, 1, 1<<50)
}

// measured is a whole number with a unit, from low to high.
func measured[T ~int64](pattern, expected string, units map[string]T, low, high T) shape[T] {
	form := regexp.MustCompile(pattern)
	schema := map[string]any{"type": "string", "pattern": pattern}
	return shape[T]{schema, func(r *reader, at place, n *node, into *T) {
		if n.nodeType == integerNode {
			r.fail(at, n, "must be %s, not a number without a unit", expected)
			return
		}
		if !r.is(textNode, expected, at, n) {
			return
		}
		if !form.MatchString(n.text) {
			r.fail(at, n, "%s must be %s", quote(n.text), expected)
			return
		}
		unit := strings.TrimLeft(n.text, "0123456789")
		count, err := strconv.ParseInt(strings.TrimSuffix(n.text, unit), 10, 64)
		switch {
		case err != nil || count > int64(high/units[unit]):
			r.fail(at, n, "%s is too much", quote(n.text))
		case T(count)*units[unit] < low:
			r.fail(at, n, "%s is too little", quote(n.text))
		default:
			*into = T(count) * units[unit]
		}
	}}
}

// jsonSchema is a JSON Schema, inline or in a file below the folder of freshet.yaml.
func jsonSchema() shape[json.RawMessage] {
	schema := map[string]any{"type": []string{"string", "object"}}
	return shape[json.RawMessage]{schema, func(r *reader, at place, n *node, into *json.RawMessage) {
		switch n.nodeType {
		case mappingNode:
			*into = n.appendJSON(nil)
		case textNode:
			*into = r.readSchema(at, n)
		default:
			r.is(mappingNode, "a JSON Schema, or the path of a file with one", at, n)
		}
	}}
}
