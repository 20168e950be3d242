package kind

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"freshet/jobs/document"
)

var errTemplateProgram = errors.New("the program itself cannot come from the input")

// element is one element of a command: text and references that alternate as they stand.
type element []part

// part is a piece of an element: a reference when path is not nil, else text.
type part struct {
	text string
	path []string // keys from the input down; empty but not nil for all of the input
}

// first is the path of the element's first reference, nil when it has none.
func (e element) first() []string {
	for _, part := range e {
		if part.path != nil {
			return part.path
		}
	}
	return nil
}

// parseElement reads the references of an element. "}}" outside of one is plain text, as JSON has it.
func parseElement(text string) (element, error) {
	if strings.ContainsRune(text, 0) {
		return nil, errors.New("contains the NUL character")
	}
	var parsed element
	for {
		before, rest, found := strings.Cut(text, "{{")
		if before != "" {
			parsed = append(parsed, part{text: before})
		}
		if !found {
			return parsed, nil
		}
		reference, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, errors.New(`"{{" is not closed by "}}"`)
		}
		path, err := parseReference(strings.TrimSpace(reference))
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, part{path: path})
		text = after
	}
}

func parseReference(reference string) ([]string, error) {
	keys := strings.Split(reference, ".")
	if keys[0] != "input" {
		return nil, fmt.Errorf("{{%s}} is not understood; write {{input.name}}", reference)
	}
	for _, key := range keys[1:] {
		if key == "" || strings.ContainsAny(key, "{} \t\r\n") {
			return nil, fmt.Errorf("{{%s}} is not a path such as {{input.name}}", reference)
		}
	}
	return keys[1:], nil
}

// checkAgainst refuses a reference to a property that the decoded input schema rules out. It looks only
// where that is certain: at plain properties of objects that allow no others.
func (e element) checkAgainst(schema any) error {
	for _, part := range e {
		node := schema
		for _, key := range part.path {
			object, _ := node.(map[string]any)
			properties, _ := object["properties"].(map[string]any)
			_, patterns := object["patternProperties"]
			next, known := properties[key]
			if !known && object["additionalProperties"] == false && !patterns {
				return fmt.Errorf("{{input.%s}}: the input schema has no such property%s",
					strings.Join(part.path, "."), document.Suggestion(key, slices.Sorted(maps.Keys(properties))))
			}
			node = next
		}
	}
	return nil
}
