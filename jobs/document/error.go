package document

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Code says in one word what is wrong with a document.
type Code string

// The codes of an Error. The last two come from Strict alone.
const (
	InvalidJSON      Code = "invalid_json"
	TrailingData     Code = "trailing_data"
	ByteOrderMark    Code = "byte_order_mark"
	InvalidUnicode   Code = "invalid_unicode" // bad UTF-8, or half a surrogate pair
	NULCharacter     Code = "nul_character"
	DuplicateKey     Code = "duplicate_key"
	NumberTooLong    Code = "number_too_long"
	NumberOutOfRange Code = "number_out_of_range"
	TooDeep          Code = "too_deep"
	TooLarge         Code = "too_large"
	UnknownField     Code = "unknown_field"
	WrongType        Code = "wrong_type"
)

// Error is one problem of a document.
type Error struct {
	Pointer string // RFC 6901; empty for the whole document
	Code    Code
	Message string // a predicate for a person: "is longer than ..."
	Offset  int64  // in bytes, at or shortly before the problem
}

func (e *Error) Error() string {
	if e.Pointer == "" {
		return "document " + e.Message
	}
	return e.Pointer + " " + e.Message
}

func tooLarge(maxBytes int) *Error {
	return &Error{Code: TooLarge, Offset: int64(maxBytes), Message: fmt.Sprintf("is longer than %d bytes", maxBytes)}
}

func tooDeep(maxDepth int) *Error {
	return &Error{Code: TooDeep, Message: fmt.Sprintf("is nested deeper than %d levels", maxDepth)}
}

// fault is a problem as the walk met it. The pointer costs time to make, so it is made only here.
type fault struct {
	cause error
	at    *jsontext.Decoder // stands right behind the problem; nil when cause knows its own place
}

// explain turns a fault into what the caller sees.
func (f *fault) explain(raw []byte) *Error {
	if problem, ok := errors.AsType[*Error](f.cause); ok {
		problem.Pointer = string(f.at.StackPointer())
		problem.Offset = f.at.InputOffset()
		return problem
	}
	return syntaxError(f.cause, raw)
}

// syntaxError explains an error of the JSON grammar.
func syntaxError(err error, raw []byte) *Error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		if errors.Is(err, io.EOF) {
			return &Error{Code: InvalidJSON, Message: "is empty"}
		}
		return &Error{Code: InvalidJSON, Message: "is not valid JSON: " + err.Error()}
	}
	problem := &Error{Pointer: string(syntax.JSONPointer), Offset: syntax.ByteOffset}
	switch {
	case errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		problem.Code, problem.Message = DuplicateKey, "stands twice in its object"
	case errors.Is(syntax.Err, io.ErrUnexpectedEOF):
		problem.Code, problem.Message = InvalidJSON, "ends in the middle of a value"
	case brokenText(raw, syntax.ByteOffset):
		problem.Code, problem.Message = InvalidUnicode, "is not valid Unicode text"
	default:
		problem.Code, problem.Message = InvalidJSON, "is not valid JSON: "+syntax.Err.Error()
	}
	return problem
}

// brokenText tells whether the text at offset is no UTF-8, or an escaped surrogate.
func brokenText(raw []byte, offset int64) bool {
	if offset < 0 || offset >= int64(len(raw)) {
		return false
	}
	rest := raw[offset:]
	if r, size := utf8.DecodeRune(rest); r == utf8.RuneError && size == 1 {
		return true
	}
	return len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' && (rest[2] == 'd' || rest[2] == 'D') && rest[3] >= '8'
}
