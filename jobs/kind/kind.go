// Package kind makes a kind ready for use: its schemas compiled, its command's templates parsed. With
// that it validates inputs and outputs, makes the arguments of a command, and finds the address of a route.
//
// A command is a list of elements. In each, {{input.x}} stands for a value of the task's input, with
// dots for values inside objects, and {{input}} for all of it. One element in is at most one argument
// out, whatever the value contains; no shell ever sees it.
//
//   - A string is taken as it is, a number or boolean as its JSON text, an object or array as compact
//     JSON.
//   - A value that is absent or null drops its whole element, so "--name={{input.name}}" is an optional
//     flag. A flag and its value in two elements are not dropped together.
//   - An argument that begins with a value which begins with "-" is refused, for the program would take
//     it for a flag; a "--" among the elements before it lifts that. This holds for negative numbers too.
//   - An argument that no operating system call can carry is refused: NUL inside, or 128 KiB and longer.
//
// A program that interprets its arguments as code (sh -c, node -e) interprets the values with it; give
// such a program the input by file or environment instead.
package kind

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"freshet/jobs"
	"freshet/jobs/document"
)

// Kind is a kind made ready. It is immutable and safe for concurrent use.
type Kind struct {
	jobs.Kind
	input   *jsonschema.Schema // nil: anything goes
	output  *jsonschema.Schema // nil: anything goes
	command []element
	dynamic bool // whether any element needs the input
}

// Compile makes a kind ready. The error is an *Invalid with all problems found; their pointers lead into
// the kind's JSON form, such as /command/1 or /input/properties/x/type.
func Compile(spec jobs.Kind) (*Kind, error) {
	k := &Kind{Kind: spec}
	invalid := &Invalid{}
	input := k.compileInput(invalid)
	k.output, _ = compileSchema("/output", spec.Output, invalid)
	switch {
	case spec.HTTP != nil && spec.Command != nil:
		invalid.add("/http", "http", "stands beside command; a kind has exactly one of command and http")
	case spec.HTTP != nil:
		if err := checkAddress(spec.HTTP.URL); err != nil {
			invalid.add("/http/url", "url", err.Error())
		}
	case spec.Command != nil:
		k.compileCommand(input, invalid)
	default:
		invalid.add("", "required", "has no command and no http; one of them must say who does the work")
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		if err := checkVariables(spec.Env[name]); err != nil {
			invalid.add("/env/"+escape(name), "env", err.Error())
		}
	}
	if len(invalid.Problems) > 0 {
		return nil, invalid
	}
	return k, nil
}

func (k *Kind) compileInput(invalid *Invalid) (decoded any) {
	k.input, decoded = compileSchema("/input", k.Kind.Input, invalid)
	return decoded
}

func (k *Kind) compileCommand(input any, invalid *Invalid) {
	if len(k.Command) == 0 || k.Command[0] == "" {
		invalid.add("/command", "command", "must name a program")
		return
	}
	for i, text := range k.Command {
		element, err := parseElement(text)
		switch {
		case err != nil:
		case i == 0 && element.first() != nil:
			err = errTemplateProgram
		default:
			err = element.checkAgainst(input)
		}
		if err != nil {
			invalid.add(indexed("/command", i), "command", err.Error())
		}
		k.command = append(k.command, element)
		k.dynamic = k.dynamic || element.first() != nil
	}
}

// ValidateInput tells whether the kind can run with this input: it can be stored, fits the schema, and
// makes acceptable arguments. No input at all counts as {}; without a schema any JSON value goes. The
// error is an *Invalid.
func (k *Kind) ValidateInput(raw json.RawMessage) error {
	raw = orEmpty(raw)
	if err := validate(k.input, raw); err != nil {
		return err
	}
	_, err := k.Arguments(raw)
	return err
}

// orEmpty makes an empty object of an input that was not given.
func orEmpty(input json.RawMessage) json.RawMessage {
	if len(input) == 0 {
		return json.RawMessage(`{}`)
	}
	return input
}

// ValidateOutput tells whether a task's output can be stored and fits the schema. A kind with a schema
// must have an output; without one any JSON value goes, and none at all. The error is an *Invalid.
func (k *Kind) ValidateOutput(raw json.RawMessage) error {
	if len(raw) > 0 {
		return validate(k.output, raw)
	}
	if k.output == nil {
		return nil
	}
	invalid := &Invalid{}
	invalid.add("", "required", "there is no output, but the kind has an output schema")
	return invalid
}

func validate(schema *jsonschema.Schema, raw json.RawMessage) error {
	invalid := &Invalid{}
	if schema == nil {
		if err := document.Check(raw, document.Limits{}); err != nil {
			return invalid.addError("", err)
		}
		return nil
	}
	value, err := document.Decode(raw, document.Limits{})
	if err != nil {
		return invalid.addError("", err)
	}
	if err := schema.Validate(value); err != nil {
		return invalid.addError("", err)
	}
	return nil
}
