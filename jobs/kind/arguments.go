package kind

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxArgument is the longest argument that Linux passes on, in bytes: MAX_ARG_STRLEN less the final NUL.
const maxArgument = 128<<10 - 1

// Arguments makes the command of one task, the program first, from an input that ValidateInput let pass.
// The error is an *Invalid that points into the input.
func (k *Kind) Arguments(input json.RawMessage) ([]string, error) {
	if !k.dynamic {
		return slices.Clone(k.Command), nil
	}
	values := newValues(orEmpty(input))
	arguments := make([]string, 0, len(k.command))
	invalid := &Invalid{}
	literal := false // whether "--" has ended the flags
	for i, element := range k.command {
		argument, present, err := element.render(values)
		if err != nil {
			invalid.add(pointer("", element.first()...), "invalid_json", err.Error())
			return nil, invalid
		}
		if !present {
			continue
		}
		if code, reason := element.refuse(argument, literal); code != "" {
			invalid.add(pointer("", element.first()...), code, reason)
		}
		literal = literal || i > 0 && k.Command[i] == "--"
		arguments = append(arguments, argument)
	}
	if len(invalid.Problems) > 0 {
		return nil, invalid
	}
	return arguments, nil
}

// refuse says why an argument cannot be passed on, or nothing.
func (e element) refuse(argument string, literal bool) (code, reason string) {
	leads := len(e) > 0 && e[0].path != nil
	switch {
	case leads && !literal && strings.HasPrefix(argument, "-"):
		return "leading_dash", `begins with "-", which the command would take for a flag`
	case strings.ContainsRune(argument, 0):
		return "nul_character", "contains the NUL character, which no argument can"
	case len(argument) > maxArgument:
		return "argument_too_long", fmt.Sprintf("makes an argument of %d bytes; the operating system passes on at most %d (E2BIG)", len(argument), maxArgument)
	default:
		return "", ""
	}
}

// render makes the element's argument; present is false when a value it refers to is absent.
func (e element) render(values *values) (argument string, present bool, err error) {
	var text strings.Builder
	for _, part := range e {
		if part.path == nil {
			text.WriteString(part.text)
			continue
		}
		raw := values.find(part.path)
		if raw == nil {
			return "", false, nil
		}
		if err := write(&text, raw); err != nil {
			return "", false, err
		}
	}
	return text.String(), true, nil
}

// write writes a value as it stands in an argument.
func write(text *strings.Builder, raw json.RawMessage) error {
	switch raw[0] {
	case '"':
		var value string
		if err := json.Unmarshal(raw, &value); err != nil {
			return fmt.Errorf("read string: %w", err)
		}
		text.WriteString(value)
	case '{', '[':
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return fmt.Errorf("compact value: %w", err)
		}
		text.Write(compact.Bytes())
	default:
		text.Write(raw)
	}
	return nil
}

// values finds the values of an input; the top level is read once for all elements.
type values struct {
	all json.RawMessage
	top map[string]json.RawMessage
}

func newValues(input json.RawMessage) *values {
	return &values{all: bytes.TrimSpace(input), top: fields(input)}
}

// find gives the value at a path, and nil when it is absent or null.
func (v *values) find(path []string) json.RawMessage {
	found := v.all
	for i, key := range path {
		object := v.top
		if i > 0 {
			object = fields(found)
		}
		found = object[key]
	}
	if len(found) == 0 || bytes.Equal(found, []byte("null")) {
		return nil
	}
	return found
}

// fields reads an object; anything else has none.
func fields(raw json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object
}
