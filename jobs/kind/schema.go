package kind

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"freshet/jobs/document"
)

const (
	dialect = "https://json-schema.org/draft/2020-12/schema"
	base    = "schema:///kind" // where the library believes the schema to be
)

// nowhere is a loader that loads nothing, so that a $ref reaches neither network nor disk. The
// metaschemas are built into the library and do not come this way.
type nowhere struct{}

func (nowhere) Load(string) (any, error) {
	return nil, errors.New("only references inside the schema are followed")
}

// compileSchema compiles the schema that stands under a kind's pointer, and gives it decoded too. It
// gives nil for no schema, and when there are problems.
func compileSchema(at string, raw json.RawMessage, invalid *Invalid) (*jsonschema.Schema, any) {
	if len(raw) == 0 {
		return nil, nil
	}
	decoded, err := document.Decode(raw, document.Limits{})
	if err != nil {
		_ = invalid.addError(at, err)
		return nil, nil
	}
	if object, ok := decoded.(map[string]any); ok {
		if named, ok := object["$schema"]; ok && named != dialect && named != dialect+"#" {
			invalid.add(at+"/$schema", "$schema", "must be "+dialect)
			return nil, nil
		}
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.UseLoader(nowhere{})
	if err := compiler.AddResource(base, decoded); err != nil {
		invalid.add(at, "schema", err.Error())
		return nil, nil
	}
	schema, err := compiler.Compile(base)
	if err != nil {
		explainSchema(at, err, invalid)
		return nil, nil
	}
	return schema, decoded
}

// explainSchema reports why a schema does not compile.
func explainSchema(at string, err error, invalid *Invalid) {
	var mismatch *jsonschema.SchemaValidationError
	var reference *jsonschema.LoadURLError
	switch {
	case errors.As(err, &mismatch):
		_, fragment, _ := strings.Cut(mismatch.URL, "#")
		if inside, err := url.PathUnescape(fragment); err == nil && strings.HasPrefix(inside, "/") {
			at += inside
		}
		_ = invalid.addError(at, mismatch.Err)
	case errors.As(err, &reference):
		name := strings.TrimPrefix(reference.URL, "schema:///")
		invalid.add(at, "$ref", fmt.Sprintf("refers to %q; only references inside the schema (#/...) are followed", name))
	default:
		invalid.add(at, "schema", strings.ReplaceAll(err.Error(), base, ""))
	}
}

// addFailure takes in a failed validation, down to the keywords that failed.
func (i *Invalid) addFailure(prefix string, failure *jsonschema.ValidationError) {
	at := pointer(prefix, failure.InstanceLocation...)
	switch k := failure.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			i.add(pointer(at, name), "required", "is missing")
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			i.add(pointer(at, name), "dependentRequired", fmt.Sprintf("is missing; %q needs it", k.Prop))
		}
	case *kind.AdditionalProperties:
		for _, name := range slices.Sorted(slices.Values(k.Properties)) {
			i.add(pointer(at, name), "additionalProperties", "is not a known property")
		}
	case *kind.AnyOf, *kind.OneOf:
		i.add(at, keyword(failure), alternatives(failure))
	default:
		if len(failure.Causes) == 0 {
			i.add(at, keyword(failure), plain(failure))
		}
		for _, cause := range failure.Causes {
			i.addFailure(prefix, cause)
		}
	}
}

// alternatives says why each branch of an anyOf or oneOf failed, by the first reason of each.
func alternatives(failure *jsonschema.ValidationError) string {
	if len(failure.Causes) == 0 {
		return plain(failure)
	}
	here := pointer("", failure.InstanceLocation...)
	reasons := make([]string, 0, len(failure.Causes))
	for _, branch := range failure.Causes {
		one := &Invalid{}
		one.addFailure("", branch)
		if len(one.Problems) > 0 {
			below := strings.TrimPrefix(one.Problems[0].Pointer, here)
			reasons = append(reasons, strings.TrimSpace(below+" "+one.Problems[0].Message))
		}
	}
	return "fits none of the allowed forms: " + strings.Join(reasons, " | ")
}

// keyword is the schema's keyword that failed.
func keyword(failure *jsonschema.ValidationError) string {
	if path := failure.ErrorKind.KeywordPath(); len(path) > 0 {
		return path[0]
	}
	switch failure.ErrorKind.(type) {
	case *kind.Not:
		return "not"
	case *kind.FalseSchema:
		last := failure.SchemaURL[strings.LastIndexByte(failure.SchemaURL, '/')+1:]
		if strings.HasPrefix(last, "unevaluated") {
			return last
		}
		return "false"
	default:
		return "schema"
	}
}

func plain(failure *jsonschema.ValidationError) string {
	switch failure.ErrorKind.(type) {
	case *kind.Not:
		return "is one of the values that are not allowed"
	case *kind.FalseSchema:
		return "is not allowed here"
	default:
		return failure.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	}
}
