package client

import (
	"bytes"
	"encoding/json"
)

// Answer is something that the server said, with the exact JSON it said it in.
type Answer[T any] struct {
	Value T
	Raw   json.RawMessage
}

// UnmarshalJSON keeps the text beside the value.
func (a *Answer[T]) UnmarshalJSON(text []byte) error {
	a.Raw = bytes.Clone(text)
	return json.Unmarshal(text, &a.Value)
}

// MarshalJSON gives the text back.
func (a Answer[T]) MarshalJSON() ([]byte, error) {
	if a.Raw == nil {
		return json.Marshal(a.Value)
	}
	return a.Raw, nil
}

// List is a list of things, or one page of it.
type List[T any] struct {
	Items      []Answer[T] `json:"items"`
	NextCursor string      `json:"nextCursor,omitempty"` // empty on the last page
}
