// Package document guards the door for JSON that comes from outside: what it lets in, PostgreSQL can
// store as jsonb, and every other program reads in the same way.
//
// JSON itself allows what the two cannot agree on: a key twice (the last one wins here, the first one
// there), a NUL character (jsonb refuses it), half a surrogate pair (Go replaces it), a number such as
// 1e130000 (a few bytes in, a hundred thousand out of jsonb). All of this is refused, with a pointer to
// the place, before anything is stored.
package document

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bounds a document; a zero field means the default.
type Limits struct {
	MaxBytes int // length of the text, 1 MiB by default
	MaxDepth int // arrays and objects inside each other, 64 by default
}

// The default limits.
const (
	DefaultMaxBytes = 1 << 20
	DefaultMaxDepth = 64
)

// Check tells whether raw is one JSON value that can be stored and that every reader understands alike.
// It returns nil or an *Error that says where the first problem is.
func Check(raw []byte, limits Limits) error {
	if limits.MaxBytes == 0 {
		limits.MaxBytes = DefaultMaxBytes
	}
	if limits.MaxDepth == 0 {
		limits.MaxDepth = DefaultMaxDepth
	}
	if len(raw) > limits.MaxBytes {
		return tooLarge(limits.MaxBytes)
	}
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		return &Error{Code: ByteOrderMark, Message: "begins with a byte order mark; send plain UTF-8"}
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if err := checkValue(decoder, limits.MaxDepth); err != nil {
		return err.explain(raw)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return &Error{Code: TrailingData, Offset: decoder.InputOffset(), Message: "has more text after the JSON value"}
	}
	return nil
}

// checkValue reads one whole value.
func checkValue(decoder *jsontext.Decoder, maxDepth int) *fault {
	for {
		switch kind := decoder.PeekKind(); kind {
		case '{', '[', '}', ']':
			if _, err := decoder.ReadToken(); err != nil {
				return &fault{cause: err}
			}
			if decoder.StackDepth() > maxDepth {
				return &fault{cause: tooDeep(maxDepth), at: decoder}
			}
		default:
			scalar, err := decoder.ReadValue()
			if err != nil {
				return &fault{cause: err}
			}
			if err := checkScalar(kind, scalar); err != nil {
				return &fault{cause: err, at: decoder}
			}
		}
		if decoder.StackDepth() == 0 {
			return nil
		}
	}
}

func checkScalar(kind jsontext.Kind, scalar jsontext.Value) error {
	switch kind {
	case '"':
		if hasNUL(scalar) {
			return &Error{Code: NULCharacter, Message: "contains the NUL character (\\u0000), which cannot be stored"}
		}
	case '0':
		return checkNumber(scalar)
	}
	return nil
}

// hasNUL looks for the escape \u0000 in a JSON string; the bare character is no valid JSON anyway.
func hasNUL(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		if bytes.HasPrefix(text[i:], []byte(`\u0000`)) {
			return true
		}
		text = text[i+2:]
	}
}
