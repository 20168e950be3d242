package kind

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// UnsetError is a variable that a value needs and the environment lacks.
type UnsetError struct{ Name string }

func (e *UnsetError) Error() string { return "variable " + e.Name + " is not set" }

// Resolve replaces the variables of a value of freshet.yaml:
//
//	${VAR}     the variable; an *UnsetError when it is not set
//	${VAR:-x}  the variable, or x when it is not set or empty; x has no } and is not resolved again
//	$$         a single $
//
// Any other $ stands for itself. What lookup gives is never resolved again.
func Resolve(value string, lookup func(name string) (string, bool)) (string, error) {
	var resolved strings.Builder
	for {
		before, rest, found := strings.Cut(value, "$")
		resolved.WriteString(before)
		switch {
		case !found:
			return resolved.String(), nil
		case strings.HasPrefix(rest, "$"):
			resolved.WriteByte('$')
			value = rest[1:]
		case strings.HasPrefix(rest, "{"):
			reference, after, closed := strings.Cut(rest[1:], "}")
			if !closed {
				return "", errors.New(`"${" is not closed by "}"; write $${ for the text itself`)
			}
			text, err := resolveOne(reference, lookup)
			if err != nil {
				return "", err
			}
			resolved.WriteString(text)
			value = after
		default:
			resolved.WriteByte('$')
			value = rest
		}
	}
}

func resolveOne(reference string, lookup func(name string) (string, bool)) (string, error) {
	name, fallback, optional := strings.Cut(reference, ":-")
	if !ValidVariable(name) {
		return "", fmt.Errorf("${%s} is not understood; write ${NAME} or ${NAME:-default}", reference)
	}
	text, set := lookup(name)
	switch {
	case optional && text == "":
		return fallback, nil
	case !set:
		return "", &UnsetError{Name: name}
	default:
		return text, nil
	}
}

// checkVariables tells whether a value can be resolved where all its variables are set.
func checkVariables(value string) error {
	_, err := Resolve(value, func(string) (string, bool) { return "", true })
	return err
}

// VariablePattern is what the name of an environment variable looks like.
const VariablePattern = `^[A-Za-z_][A-Za-z0-9_]*$`

var variable = regexp.MustCompile(VariablePattern)

// ValidVariable tells whether name can name an environment variable.
func ValidVariable(name string) bool { return variable.MatchString(name) }
