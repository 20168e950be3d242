package document

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode is Check, and then the value as encoding/json gives it, with numbers as json.Number.
func Decode(raw []byte, limits Limits) (any, error) {
	if err := Check(raw, limits); err != nil {
		return nil, err
	}
	decoder := stdjson.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("decode document: %w", err)
	}
	return value, nil
}

// Strict is Check with the default limits, and then the value in the struct that into points to. A key
// that is no field of it, in exactly this case, is refused.
func Strict(raw []byte, into any) error {
	if err := Check(raw, Limits{}); err != nil {
		return err
	}
	err := json.Unmarshal(raw, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return fmt.Errorf("decode document: %w", err)
	}
	return misfit(semantic)
}

// misfit explains why sound JSON does not fit a Go type.
func misfit(err *json.SemanticError) *Error {
	problem := &Error{Pointer: string(err.JSONPointer), Offset: err.ByteOffset}
	switch {
	case errors.Is(err.Err, json.ErrUnknownName):
		problem.Code = UnknownField
		problem.Message = "is an unknown field" + Suggestion(err.JSONPointer.LastToken(), fieldNames(err.GoType))
	case err.Err != nil:
		problem.Code, problem.Message = WrongType, "does not fit: "+err.Err.Error()
	default:
		problem.Code, problem.Message = WrongType, "must be "+typeName(err.GoType)+", not "+kindName(err.JSONKind)
	}
	return problem
}

// fieldNames lists the JSON names of a struct's fields, those of embedded structs included.
func fieldNames(t reflect.Type) []string {
	var names []string
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.IsExported() && name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func typeName(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	default:
		return "an object"
	}
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	case '[':
		return "an array"
	case '{':
		return "an object"
	default:
		return "this"
	}
}
