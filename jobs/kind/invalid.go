package kind

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"freshet/jobs/document"
)

// Problem is one thing that is wrong with an input, an output or a kind.
type Problem struct {
	Pointer string // RFC 6901; a missing property is pointed at where it should be
	Code    string // the schema's keyword that failed, such as required, or a code of package document
	Message string
}

// Invalid is the error of this package: everything that is wrong, at most maxProblems of it.
type Invalid struct {
	Problems []Problem
}

const (
	maxProblems = 50
	maxMessage  = 300 // bytes; messages quote values, which may be long
)

func (i *Invalid) Error() string {
	lines := make([]string, len(i.Problems))
	for n, problem := range i.Problems {
		lines[n] = problem.Message
		if problem.Pointer != "" {
			lines[n] = problem.Pointer + ": " + problem.Message
		}
	}
	return strings.Join(lines, "; ")
}

func (i *Invalid) add(pointer, code, message string) {
	if len(i.Problems) < maxProblems {
		i.Problems = append(i.Problems, Problem{Pointer: pointer, Code: code, Message: clip(message)})
	}
}

// addError takes in the problems of an error of package document or of the schema library, all of them
// below prefix, and returns i.
func (i *Invalid) addError(prefix string, err error) error {
	var text *document.Error
	var value *jsonschema.ValidationError
	switch {
	case errors.As(err, &text):
		i.add(prefix+text.Pointer, string(text.Code), text.Message)
	case errors.As(err, &value):
		i.addFailure(prefix, value)
	default:
		i.add(prefix, "schema", err.Error())
	}
	return i
}

// clip shortens a message at a character's start.
func clip(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	end := maxMessage
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "..."
}

// pointer joins tokens to a JSON pointer.
func pointer(prefix string, tokens ...string) string {
	for _, token := range tokens {
		prefix += "/" + escape(token)
	}
	return prefix
}

func indexed(prefix string, index int) string { return prefix + "/" + strconv.Itoa(index) }

// escape writes a token of a JSON pointer.
func escape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
