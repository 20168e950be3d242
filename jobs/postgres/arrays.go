package postgres

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// Statements take one array per column. These make the elements that are null when they say nothing.

func nullText[T ~string](value T) *string {
	if value == "" {
		return nil
	}
	text := string(value)
	return &text
}

func nullJSON(value json.RawMessage) *string {
	if value == nil {
		return nil
	}
	text := string(value)
	return &text
}

func nullUUID(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func nullInt(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

func nullMillis(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	millis := d.Milliseconds()
	return &millis
}

func fromMillis(millis *int64) time.Duration {
	if millis == nil {
		return 0
	}
	return time.Duration(*millis) * time.Millisecond
}

// textArray writes an array literal, since an array of arrays of different lengths cannot be sent.
func textArray(values []string) string {
	var literal strings.Builder
	literal.WriteByte('{')
	for i, value := range values {
		if i > 0 {
			literal.WriteByte(',')
		}
		literal.WriteByte('"')
		literal.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value))
		literal.WriteByte('"')
	}
	literal.WriteByte('}')
	return literal.String()
}

// asJSON encodes one of our own records; nil stays null.
func asJSON[T any](value *T) (*string, error) {
	if value == nil {
		return nil, nil //nolint:nilnil // null is a value here
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return nullJSON(text), nil
}

func fromJSON[T any](text []byte) (*T, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // null is a value here
	}
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	return &value, nil
}

// noRows is jobs.ErrNotFound for what was not found, and any other error as it is.
func noRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return jobs.ErrNotFound
	}
	return err
}

// column collects one field of all items, as the array of one column.
func column[Item, Value any](items []Item, field func(Item) Value) []Value {
	values := make([]Value, len(items))
	for i, item := range items {
		values[i] = field(item)
	}
	return values
}
