package kind_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"freshet/jobs"
	"freshet/jobs/kind"
)

func TestArguments(t *testing.T) {
	t.Parallel()
	const input = `{"s":"a b","n":1.50,"neg":-3,"t":true,"null":null,"o":{"z": 1, "a":"<x>","deep":{"v":"d"}},"l":[1, 2],"e":"","dash":"-rf","quote":"$(rm); 'x' \u00e9"}`
	tests := map[string]struct {
		command []string
		want    []string
		problem string
	}{
		"plain":                 {[]string{"ls", "-l", "a}}b"}, []string{"ls", "-l", "a}}b"}, ""},
		"string":                {[]string{"x", "{{input.s}}"}, []string{"x", "a b"}, ""},
		"spaces in braces":      {[]string{"x", "{{ input.s }}"}, []string{"x", "a b"}, ""},
		"no shell":              {[]string{"x", "{{input.quote}}"}, []string{"x", "$(rm); 'x' é"}, ""},
		"number as written":     {[]string{"x", "{{input.n}}"}, []string{"x", "1.50"}, ""},
		"boolean":               {[]string{"x", "{{input.t}}"}, []string{"x", "true"}, ""},
		"object":                {[]string{"x", "{{input.o}}"}, []string{"x", `{"z":1,"a":"<x>","deep":{"v":"d"}}`}, ""},
		"array":                 {[]string{"x", "{{input.l}}"}, []string{"x", `[1,2]`}, ""},
		"nested":                {[]string{"x", "{{input.o.deep.v}}"}, []string{"x", "d"}, ""},
		"empty string stays":    {[]string{"x", "{{input.e}}", ""}, []string{"x", "", ""}, ""},
		"several":               {[]string{"x", "{{input.s}}:{{input.n}}/{{input.t}}"}, []string{"x", "a b:1.50/true"}, ""},
		"missing":               {[]string{"x", "{{input.none}}", "y"}, []string{"x", "y"}, ""},
		"null":                  {[]string{"x", "--n={{input.null}}", "y"}, []string{"x", "y"}, ""},
		"missing among others":  {[]string{"x", "{{input.s}}{{input.none}}"}, []string{"x"}, ""},
		"through a string":      {[]string{"x", "{{input.s.length}}"}, []string{"x"}, ""},
		"braces in a JSON text": {[]string{"x", `{"a":{"b":{{input.n}}}}`}, []string{"x", `{"a":{"b":1.50}}`}, ""},
		"value is no template":  {[]string{"x", "{{input.o}}{{input.s}}"}, []string{"x", `{"z":1,"a":"<x>","deep":{"v":"d"}}a b`}, ""},
		"dash refused":          {[]string{"rm", "{{input.dash}}"}, nil, `/dash leading_dash: begins with "-", which the command would take for a flag`},
		"negative refused":      {[]string{"x", "{{input.neg}}"}, nil, `/neg leading_dash: begins with "-", which the command would take for a flag`},
		"dash behind an empty":  {[]string{"rm", "{{input.e}}{{input.dash}}"}, nil, `/e leading_dash: begins with "-", which the command would take for a flag`},
		"dash after --":         {[]string{"rm", "--", "{{input.dash}}", "{{input.neg}}"}, []string{"rm", "--", "-rf", "-3"}, ""},
		"-- that comes later":   {[]string{"rm", "{{input.dash}}", "--"}, nil, `/dash leading_dash: begins with "-", which the command would take for a flag`},
		"-- as the program":     {[]string{"--", "{{input.dash}}"}, nil, `/dash leading_dash: begins with "-", which the command would take for a flag`},
		"dash inside":           {[]string{"x", "--name={{input.dash}}"}, []string{"x", "--name=-rf"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ready := compile(t, jobs.Kind{Command: test.command})
			got, err := ready.Arguments(json.RawMessage(input))
			if problems(t, err) != test.problem || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %q; want %q, %q", got, problems(t, err), test.want, test.problem)
			}
			if problems(t, ready.ValidateInput(json.RawMessage(input))) != test.problem {
				t.Error("ValidateInput does not agree")
			}
		})
	}
}

func TestWholeInput(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Command: []string{"x", "{{input}}"}})
	for input, want := range map[string]string{` {"a": 1} `: `{"a":1}`, ``: `{}`, `"text"`: `text`, `7`: `7`} { //nolint:gocritic // spaces around a value are allowed
		if got, err := ready.Arguments(json.RawMessage(input)); err != nil || !slices.Equal(got, []string{"x", want}) {
			t.Errorf("%s: got %q, %v", input, got, err)
		}
	}
	if got, err := ready.Arguments(json.RawMessage(`null`)); err != nil || len(got) != 1 {
		t.Errorf("null: got %q, %v", got, err)
	}
}

func TestArgumentLength(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Command: []string{"true", "{{input}}"}})
	fits, tooLong := strings.Repeat("x", 128<<10-1), strings.Repeat("x", 128<<10)
	arguments, err := ready.Arguments(json.RawMessage(`"` + fits + `"`))
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if err := run(t, arguments); err != nil {
		t.Errorf("the longest argument does not start: %v", err)
	}
	if err := run(t, []string{"true", tooLong}); err == nil {
		t.Error("an argument that is refused here would start")
	}
	_, err = ready.Arguments(json.RawMessage(`"` + tooLong + `"`))
	if got := problems(t, err); !strings.HasPrefix(got, " argument_too_long: makes an argument of 131072 bytes") {
		t.Errorf("got %s", got)
	}
}

func TestNULFromTheInput(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Command: []string{"x", "--", "a{{input.s}}"}})
	_, err := ready.Arguments(json.RawMessage(`{"s":"\u0000"}`))
	if got := problems(t, err); !strings.HasPrefix(got, "/s nul_character") {
		t.Errorf("got %s", got)
	}
}

// Whatever the template and the value, arguments are whole, bounded, and no flag is smuggled in.
func FuzzArguments(f *testing.F) {
	f.Add("{{input.x}}", "-rf")
	f.Add("--a={{input.x}}{{input.y}}", "\u2028'\"")
	f.Add("{{ input }}}}", "{{input.x}}")
	f.Add("{{input.x", "")
	f.Fuzz(func(t *testing.T, template, value string) {
		ready, err := kind.Compile(jobs.Kind{Command: []string{"x", template}})
		if err != nil {
			return
		}
		input, err := json.Marshal(map[string]string{"x": value})
		if err != nil {
			t.Fatal(err)
		}
		arguments, err := ready.Arguments(input)
		if err != nil {
			return
		}
		if len(arguments) < 1 || len(arguments) > 2 || arguments[0] != "x" {
			t.Fatalf("got %q", arguments)
		}
		if len(arguments) == 1 {
			return
		}
		got := arguments[1]
		if strings.HasPrefix(got, "-") && !strings.HasPrefix(template, "-") {
			t.Fatalf("%q with %q makes the flag %q", template, value, got)
		}
		if strings.ContainsRune(got, 0) || len(got) >= 128<<10 {
			t.Fatalf("got %q", got)
		}
		if !strings.Contains(template, "{{") && got != template {
			t.Fatalf("%q became %q", template, got)
		}
	})
}
