package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"freshet/jobs/document"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"empty object":            `{}`,
		"scalar":                  ` "x" `,
		"null":                    `null`,
		"surrogate pair":          `"\ud83d\ude00"`,
		"escaped escape of NUL":   `"\\u0000"`,
		"other control escape":    `"\u0001"`,
		"same key, other objects": `{"a":{"a":1},"b":{"a":2}}`,
		"same key, other case":    `{"owner":1,"OWNER":2}`,
		"negative zero":           `-0`,
		"largest float":           `1.7976931348623157e308`,
		"smallest decade":         `1e-308`,
		"forty digits":            strings.Repeat("9", 40),
		"leading zeros are free":  `0.` + strings.Repeat("0", 100) + `1`,
		"64 levels":               strings.Repeat("[", 64) + strings.Repeat("]", 64),
		"exactly the limit":       `"` + strings.Repeat("x", document.DefaultMaxBytes-2) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := document.Check([]byte(raw), document.Limits{}); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	tests := map[string]struct {
		raw     string
		code    document.Code
		pointer string
	}{
		"nothing":               {``, document.InvalidJSON, ""},
		"spaces":                {`  `, document.InvalidJSON, ""},
		"half an object":        {`{"a":[1,`, document.InvalidJSON, "/a"},
		"stray bracket":         {`]`, document.InvalidJSON, ""},
		"single quotes":         {`{'a':1}`, document.InvalidJSON, ""},
		"leading zero":          {`{"a":01}`, document.InvalidJSON, ""},
		"NaN":                   {`[NaN]`, document.InvalidJSON, "/0"},
		"bare control":          {"\"a\x00b\"", document.InvalidJSON, ""},
		"comment":               {`{} // x`, document.TrailingData, ""},
		"second value":          {`{} {}`, document.TrailingData, ""},
		"byte order mark":       {"\xef\xbb\xbf{}", document.ByteOrderMark, ""},
		"duplicate key":         {`{"a":{"b":1,"b":2}}`, document.DuplicateKey, "/a/b"},
		"duplicate by escape":   {`{"a":1,"\u0061":2}`, document.DuplicateKey, "/a"},
		"too deep":              {deep, document.TooDeep, strings.Repeat("/0", 64)},
		"NUL in a string":       {`{"a":["x","a\u0000b"]}`, document.NULCharacter, "/a/1"},
		"NUL after backslash":   {`"\\\u0000"`, document.NULCharacter, ""},
		"NUL in a key":          {`{"a\u0000":1}`, document.NULCharacter, "/a\x00"},
		"high surrogate":        {`{"a":"\ud800"}`, document.InvalidUnicode, "/a"},
		"low surrogate":         {`"\udc00"`, document.InvalidUnicode, ""},
		"surrogates swapped":    {`"\udc00\ud800"`, document.InvalidUnicode, ""},
		"surrogate then text":   {`"\ud800x"`, document.InvalidUnicode, ""},
		"surrogate in a key":    {`{"\ud800":1}`, document.InvalidUnicode, ""},
		"bad UTF-8":             {"{\"a\":\"\xff\"}", document.InvalidUnicode, "/a"},
		"overlong UTF-8":        {"\"\xc0\x80\"", document.InvalidUnicode, ""},
		"surrogate in UTF-8":    {"\"\xed\xa0\x80\"", document.InvalidUnicode, ""},
		"number bomb":           {`[1e130000]`, document.NumberOutOfRange, "/0"},
		"tiny bomb":             {`{"x":1e-130000}`, document.NumberOutOfRange, "/x"},
		"bomb of zero":          {`0e130000`, document.NumberOutOfRange, ""},
		"exponent of 20 digits": {`1e99999999999999999999`, document.NumberOutOfRange, ""},
		"just infinity":         {`1.8e308`, document.NumberOutOfRange, ""},
		"many digits, infinity": {`12345e305`, document.NumberOutOfRange, ""},
		"small by zeros":        {`0.` + strings.Repeat("0", 308) + `1`, document.NumberOutOfRange, ""},
		"41 digits":             {strings.Repeat("9", 41), document.NumberTooLong, ""},
		"zeros after the point": {`0.` + strings.Repeat("0", 400), document.NumberTooLong, ""},
		"too large":             {`"` + strings.Repeat("x", document.DefaultMaxBytes) + `"`, document.TooLarge, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := refused(t, document.Check([]byte(test.raw), document.Limits{}))
			if problem.Code != test.code || problem.Pointer != test.pointer {
				t.Errorf("got %s at %q, want %s at %q (%v)", problem.Code, problem.Pointer, test.code, test.pointer, problem)
			}
			if problem.Message == "" || problem.Offset < 0 || problem.Offset > int64(len(test.raw)) {
				t.Errorf("message %q, offset %d", problem.Message, problem.Offset)
			}
		})
	}
}

func TestLimitsAreTheCallers(t *testing.T) {
	t.Parallel()
	limits := document.Limits{MaxBytes: 10, MaxDepth: 2}
	if err := document.Check([]byte(`[[1]]`), limits); err != nil {
		t.Errorf("refused: %v", err)
	}
	if p := refused(t, document.Check([]byte(`[[[1]]]`), limits)); p.Code != document.TooDeep {
		t.Errorf("got %s", p.Code)
	}
	if p := refused(t, document.Check([]byte(`"123456789"`), limits)); p.Code != document.TooLarge || p.Offset != 10 {
		t.Errorf("got %s at %d", p.Code, p.Offset)
	}
}

func TestDecodeKeepsNumbers(t *testing.T) {
	t.Parallel()
	value, err := document.Decode([]byte(`{"n":12345678901234567890}`), document.Limits{})
	want := map[string]any{"n": json.Number("12345678901234567890")}
	if err != nil || !reflect.DeepEqual(value, want) {
		t.Errorf("got %v, %v", value, err)
	}
	if _, err := document.Decode([]byte(`{"a":1,"a":2}`), document.Limits{}); err == nil {
		t.Error("a duplicate key was decoded")
	}
}

type submit struct {
	Kind  string          `json:"kind"`
	Owner string          `json:"owner,omitempty"`
	Tags  []string        `json:"tags,omitempty"`
	Tries int             `json:"tries,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
	Retry *struct {
		MaxAttempts int `json:"maxAttempts"`
	} `json:"retry,omitempty"`
}

func TestStrict(t *testing.T) {
	t.Parallel()
	var got submit
	err := document.Strict([]byte(`{"kind":"a","input":{"x":[1, 2]},"retry":{"maxAttempts":2}}`), &got)
	if err != nil || got.Kind != "a" || string(got.Input) != `{"x":[1, 2]}` || got.Retry.MaxAttempts != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestStrictRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"OWNER":"x"}`:                  `unknown_field: /OWNER is an unknown field; did you mean "owner"?`,
		`{"knd":"x"}`:                    `unknown_field: /knd is an unknown field; did you mean "kind"?`,
		`{"command":["rm"]}`:             `unknown_field: /command is an unknown field`,
		`{"retry":{"maxAtempts":3}}`:     `unknown_field: /retry/maxAtempts is an unknown field; did you mean "maxAttempts"?`,
		`{"kind":3}`:                     `wrong_type: /kind must be a string, not a number`,
		`{"tags":["a",1]}`:               `wrong_type: /tags/1 must be a string, not a number`,
		`{"tags":{}}`:                    `wrong_type: /tags must be an array, not an object`,
		`{"retry":{"maxAttempts":true}}`: `wrong_type: /retry/maxAttempts must be an integer, not a boolean`,
		`[]`:                             `wrong_type: document must be an object, not an array`,
		`{"kind":"a","kind":"b"}`:        `duplicate_key: /kind stands twice in its object`,
	} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel()
			problem := refused(t, document.Strict([]byte(raw), new(submit)))
			if got := string(problem.Code) + ": " + problem.Error(); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func refused(t *testing.T, err error) *document.Error {
	t.Helper()
	var problem *document.Error
	if !errors.As(err, &problem) {
		t.Fatalf("got %v, want a *document.Error", err)
	}
	return problem
}

// What Check accepts, encoding/json must read, and write again as the same value.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u00e9"]}`, `"\ud800"`, `1e308`, `{"a":1,"a":2}`, "\"\xff\"", `[[[[`, `"\\u0000"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if document.Check(raw, document.Limits{}) != nil {
			return
		}
		var plain any
		if err := json.Unmarshal(raw, &plain); err != nil {
			t.Fatalf("accepted, but encoding/json says: %v", err)
		}
		value, err := document.Decode(raw, document.Limits{})
		if err != nil {
			t.Fatalf("checked, but not decoded: %v", err)
		}
		once, err := json.Marshal(value)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		if bytes.Contains(once, []byte("\ufffd")) && !bytes.Contains(raw, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`)) {
			t.Fatalf("a character was replaced: %q", once)
		}
		again, err := document.Decode(once, document.Limits{MaxBytes: 8 * document.DefaultMaxBytes})
		if err != nil || !reflect.DeepEqual(value, again) {
			t.Fatalf("%q reads back as %v, %v", once, again, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	body := []byte(`{"kind":"report","owner":"user-184467","input":{"startDate":"2026-01-01","endDate":"2026-01-31","format":"pdf",` +
		`"sections":["summary","revenue","churn"],"rows":12000,"ratio":0.25,"draft":false},"tags":["monthly","finance"],` +
		`"metadata":{"request":"0198f3a2-7c11-7e52-9d0a-3c1be5a0f9aa"},"idempotencyKey":"rep-1"}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := document.Check(body, document.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
