package kind_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"freshet/jobs"
	"freshet/jobs/kind"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const reportSchema = `{
	"type": "object",
	"properties": {
		"startDate": {"type": "string", "format": "date"},
		"format":    {"enum": ["pdf", "html"]},
		"rows":      {"type": "integer", "minimum": 1, "maximum": 100},
		"name":      {"type": "string", "maxLength": 5, "pattern": "^[a-z]+$"},
		"tags":      {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
		"a/b":       {"type": "string"},
		"parent":    {"$ref": "#/$defs/node"},
		"either":    {"anyOf": [{"type": "string"}, {"type": "null"}]},
		"never":     {"not": {"type": "number"}}
	},
	"required": ["startDate"],
	"dependentRequired": {"rows": ["format"]},
	"additionalProperties": false,
	"$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "unevaluatedProperties": false}}
}`

func compile(t *testing.T, spec jobs.Kind) *kind.Kind {
	t.Helper()
	if spec.Command == nil {
		spec.Command = []string{"true"}
	}
	ready, err := kind.Compile(spec)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return ready
}

// problems writes an *Invalid as "pointer code: message" lines.
func problems(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var invalid *kind.Invalid
	if !errors.As(err, &invalid) {
		t.Fatalf("got %T, want *kind.Invalid: %v", err, err)
	}
	var lines []string
	for _, p := range invalid.Problems {
		lines = append(lines, p.Pointer+" "+p.Code+": "+p.Message)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestValidateInput(t *testing.T) {
	t.Parallel()
	report := compile(t, jobs.Kind{Input: json.RawMessage(reportSchema)})
	for input, want := range map[string]string{
		`{"startDate":"2026-01-01","either":null,"never":"x"}`: ``,
		`{}`:                         `/startDate required: is missing`,
		``:                           `/startDate required: is missing`,
		`[]`:                         ` type: got array, want object`,
		`{"startDate":"2026-02-30"}`: `/startDate format: '2026-02-30' is not valid date: parsing time "2026-02-30": day out of range`,
		`{"startDate":"2026-01-01","rows":0,"format":"doc"}`: "/format enum: value must be one of 'pdf', 'html'\n" +
			"/rows minimum: minimum: got 0, want 1",
		`{"startDate":"2026-01-01","rows":1}`:                  `/format dependentRequired: is missing; "rows" needs it`,
		`{"startDate":"2026-01-01","Rows":1,"x/y":2}`:          "/Rows additionalProperties: is not a known property\n/x~1y additionalProperties: is not a known property",
		`{"startDate":"2026-01-01","tags":["a",1]}`:            `/tags/1 type: got number, want string`,
		`{"startDate":"2026-01-01","tags":["a","a"]}`:          `/tags uniqueItems: items at 0 and 1 are equal`,
		`{"startDate":"2026-01-01","a/b":1}`:                   `/a~1b type: got number, want string`,
		`{"startDate":"2026-01-01","parent":{"next":{"x":1}}}`: `/parent/next/x unevaluatedProperties: is not allowed here`,
		`{"startDate":"2026-01-01","either":5}`:                `/either anyOf: fits none of the allowed forms: got number, want string | got number, want null`,
		`{"startDate":"2026-01-01","never":5}`:                 `/never not: is one of the values that are not allowed`,
		`{"startDate":"2026-01-01","startDate":"x"}`:           `/startDate duplicate_key: stands twice in its object`,
		`{"startDate":"2026-01-01`:                             `/startDate invalid_json: ends in the middle of a value`,
	} {
		t.Run(input, func(t *testing.T) {
			t.Parallel()
			if got := problems(t, report.ValidateInput(json.RawMessage(input))); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestWithoutSchemaAnythingSoundGoes(t *testing.T) {
	t.Parallel()
	free := compile(t, jobs.Kind{})
	for _, raw := range []string{``, `{}`, `[1]`, `"x"`, `null`} {
		if err := errors.Join(free.ValidateInput(json.RawMessage(raw)), free.ValidateOutput(json.RawMessage(raw))); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if got := problems(t, free.ValidateInput(json.RawMessage(`{"a":"\u0000"}`))); !strings.HasPrefix(got, "/a nul_character") {
		t.Errorf("got %s", got)
	}
	if got := problems(t, free.ValidateOutput(json.RawMessage(`1e400`))); !strings.HasPrefix(got, " number_out_of_range") {
		t.Errorf("got %s", got)
	}
}

func TestValidateOutput(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Output: json.RawMessage(`{"type":"object","required":["pages"]}`)})
	for output, want := range map[string]string{
		`{"pages":3}`: ``,
		`{}`:          `/pages required: is missing`,
		`3`:           ` type: got number, want object`,
		``:            ` required: there is no output, but the kind has an output schema`,
	} {
		if got := problems(t, ready.ValidateOutput(json.RawMessage(output))); got != want {
			t.Errorf("%s: got %q, want %q", output, got, want)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Input: json.RawMessage(`{"items":{"type":"string","pattern":"^x$"}}`)})
	long, err := json.Marshal([]string{strings.Repeat("é", 10_000)})
	if err != nil {
		t.Fatal(err)
	}
	var invalid *kind.Invalid
	if !errors.As(ready.ValidateInput(long), &invalid) || len(invalid.Problems[0].Message) > 310 {
		t.Errorf("got %v", invalid)
	}
	many := json.RawMessage("[" + strings.Repeat("1,", 5000) + "1]")
	if !errors.As(ready.ValidateInput(many), &invalid) || len(invalid.Problems) != 50 {
		t.Errorf("got %d problems", len(invalid.Problems))
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	closed := json.RawMessage(`{"properties":{"name":{"properties":{"first":{}},"additionalProperties":false}},"additionalProperties":false}`)
	tests := map[string]struct {
		spec jobs.Kind
		want string
	}{
		"no command":       {jobs.Kind{Command: []string{}}, `/command command: must name a program`},
		"empty program":    {jobs.Kind{Command: []string{""}}, `/command command: must name a program`},
		"program by input": {jobs.Kind{Command: []string{"{{input.program}}"}}, `/command/0 command: the program itself cannot come from the input`},
		"open braces":      {jobs.Kind{Command: []string{"x", "{{input.a"}}, `/command/1 command: "{{" is not closed by "}}"`},
		"another root":     {jobs.Kind{Command: []string{"x", "{{ env.a }}"}}, `/command/1 command: {{env.a}} is not understood; write {{input.name}}`},
		"go template":      {jobs.Kind{Command: []string{"docker", "{{.Names}}"}}, `/command/1 command: {{.Names}} is not understood; write {{input.name}}`},
		"empty key":        {jobs.Kind{Command: []string{"x", "{{input..a}}"}}, `/command/1 command: {{input..a}} is not a path such as {{input.name}}`},
		"NUL":              {jobs.Kind{Command: []string{"x", "a\x00"}}, `/command/1 command: contains the NUL character`},
		"unknown property": {jobs.Kind{Command: []string{"x", "{{input.nmae}}"}, Input: closed}, `/command/1 command: {{input.nmae}}: the input schema has no such property; did you mean "name"?`},
		"unknown below":    {jobs.Kind{Command: []string{"x", "{{input.name.last}}"}, Input: closed}, `/command/1 command: {{input.name.last}}: the input schema has no such property`},
		"type":             {jobs.Kind{Input: json.RawMessage(`{"properties":{"a":{"type":"strnig"}}}`)}, `/input/properties/a/type anyOf: `},
		"not a schema":     {jobs.Kind{Output: json.RawMessage(`[]`)}, `/output type: got array, want boolean or object`},
		"bad pattern":      {jobs.Kind{Input: json.RawMessage(`{"pattern":"(?=a)"}`)}, `/input/pattern format: '(?=a)' is not valid regex`},
		"duplicate key":    {jobs.Kind{Input: json.RawMessage(`{"type":"object","type":"array"}`)}, `/input/type duplicate_key: stands twice in its object`},
		"other draft":      {jobs.Kind{Input: json.RawMessage(`{"$schema":"http://json-schema.org/draft-07/schema#"}`)}, `/input/$schema $schema: must be https://json-schema.org/draft/2020-12/schema`},
		"ref to network":   {jobs.Kind{Input: json.RawMessage(`{"$ref":"http://127.0.0.1:1/x.json"}`)}, `/input $ref: refers to "http://127.0.0.1:1/x.json"; only references inside the schema (#/...) are followed`},
		"ref to file":      {jobs.Kind{Input: json.RawMessage(`{"$ref":"file:///etc/passwd"}`)}, `/input $ref: refers to "file:///etc/passwd"; only`},
		"ref to neighbour": {jobs.Kind{Input: json.RawMessage(`{"$ref":"other.json"}`)}, `/input $ref: refers to "other.json"; only`},
		"ref to nothing":   {jobs.Kind{Input: json.RawMessage(`{"$ref":"#/$defs/none"}`)}, `/input schema: `},
		"env not closed":   {jobs.Kind{Env: map[string]string{"A": "${B"}}, `/env/A env: "${" is not closed by "}"; write $${ for the text itself`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.spec.Command == nil {
				test.spec.Command = []string{"true"}
			}
			_, err := kind.Compile(test.spec)
			if got := problems(t, err); !strings.HasPrefix(got, test.want) || got == "" {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestCompileReportsAll(t *testing.T) {
	t.Parallel()
	_, err := kind.Compile(jobs.Kind{
		Command: []string{"{{input.a}}", "{{x}}"},
		Input:   json.RawMessage(`{"type":7}`),
		Output:  json.RawMessage(`{`),
		Env:     map[string]string{"A": "${}"},
	})
	var invalid *kind.Invalid
	if !errors.As(err, &invalid) || len(invalid.Problems) != 5 {
		t.Errorf("got %v", err)
	}
}

func TestMetaschemaIsThere(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Input: json.RawMessage(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"https://json-schema.org/draft/2020-12/schema"}`)})
	if err := ready.ValidateInput(json.RawMessage(`{"type":"string"}`)); err != nil {
		t.Error(err)
	}
	if err := ready.ValidateInput(json.RawMessage(`{"type":"strnig"}`)); err == nil {
		t.Error("the metaschema was not followed")
	}
}

func TestEndlessReferenceEnds(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Input: json.RawMessage(`{"$ref":"#"}`)})
	if err := ready.ValidateInput(json.RawMessage(`{}`)); err == nil {
		t.Error("a schema that is only itself accepted a value")
	}
}

func TestKindServesManyAtOnce(t *testing.T) {
	t.Parallel()
	ready := compile(t, jobs.Kind{Input: json.RawMessage(reportSchema), Command: []string{"x", "{{input.startDate}}"}})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if ready.ValidateInput(json.RawMessage(`{"startDate":"2026-01-01"}`)) != nil || ready.ValidateInput(json.RawMessage(`{"rows":0}`)) == nil {
					t.Error("the answers differ under load")
				}
			}
		})
	}
	group.Wait()
}
