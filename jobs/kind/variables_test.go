package kind_test

import (
	"errors"
	"os/exec"
	"testing"

	"freshet/jobs/kind"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) {
		value, set := map[string]string{"A": "one", "EMPTY": "", "NESTED": "${A}"}[name]
		return value, set
	}
	for value, want := range map[string]string{
		"":                   "",
		"plain":              "plain",
		"${A}":               "one",
		"x${A}y${A}":         "xoneyone",
		"${EMPTY}":           "",
		"${EMPTY:-two}":      "two",
		"${NONE:-two}":       "two",
		"${NONE:-}":          "",
		"${NONE:-a:-b}":      "a:-b",
		"${A:-two}":          "one",
		"${NESTED}":          "${A}",
		"$${A}":              "${A}",
		"$$$${A}":            "$${A}",
		"cost: $5, $A and $": "cost: $5, $A and $",
		"${NONE}":            "error: variable NONE is not set",
		"${A":                `error: "${" is not closed by "}"; write $${ for the text itself`,
		"${}":                "error: ${} is not understood; write ${NAME} or ${NAME:-default}",
		"${A-two}":           "error: ${A-two} is not understood; write ${NAME} or ${NAME:-default}",
		"${1A}":              "error: ${1A} is not understood; write ${NAME} or ${NAME:-default}",
	} {
		got, err := kind.Resolve(value, lookup)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
	var unset *kind.UnsetError
	if _, err := kind.Resolve("${NONE}", lookup); !errors.As(err, &unset) || unset.Name != "NONE" {
		t.Errorf("got %v", err)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("${A:-x}$$${B}")
	f.Fuzz(func(t *testing.T, value string) {
		escaped := ""
		for _, c := range []byte(value) {
			escaped += string([]byte{c})
			if c == '$' {
				escaped += "$"
			}
		}
		none := func(string) (string, bool) { return "", false }
		if got, err := kind.Resolve(escaped, none); err != nil || got != value {
			t.Fatalf("%q escaped resolves to %q, %v", value, got, err)
		}
		_, _ = kind.Resolve(value, none)
	})
}

func run(t *testing.T, arguments []string) error {
	t.Helper()
	return exec.CommandContext(t.Context(), arguments[0], arguments[1:]...).Run()
}
