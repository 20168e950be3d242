package redact

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

var errTrailing = errors.New("there is more than one value")

// JSON answers a JSON text whose strings, names of members included, hold no secrets. It stays JSON: a
// number that shows one becomes a string. Where there is no secret, it is the same slice.
func (r *Redactor) JSON(text []byte) []byte {
	if r == nil {
		return text
	}
	if start, _ := r.find(text, 0, len(text)); start < 0 && bytes.IndexByte(text, '\\') < 0 {
		return text // nothing in it, and nothing that an escape could hide
	}
	var out bytes.Buffer
	if err := r.rewrite(&out, text); err != nil {
		return r.Bytes(text) // it was none before
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func (r *Redactor) rewrite(out *bytes.Buffer, text []byte) error {
	lenient := jsontext.AllowDuplicateNames(true)
	from := jsontext.NewDecoder(bytes.NewReader(text), lenient, jsontext.AllowInvalidUTF8(true))
	to := jsontext.NewEncoder(out, lenient, jsontext.AllowInvalidUTF8(true))
	for depth := -1; depth != 0; depth = from.StackDepth() {
		token, err := from.ReadToken()
		if err != nil {
			return err
		}
		switch token.Kind() {
		case '"':
			token = jsontext.String(r.String(token.String()))
		case '0':
			if start, _ := r.find([]byte(token.String()), 0, len(text)); start >= 0 {
				token = jsontext.String(Marker)
			}
		}
		if err := to.WriteToken(token); err != nil {
			return err
		}
	}
	if _, err := from.ReadToken(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}
