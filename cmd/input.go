package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"freshet/jobs/document"
)

// readInput reads the JSON that --input names: the text itself, @FILE, or - for standard input.
func (a *app) readInput(text string) (json.RawMessage, error) {
	place, raw := "--input", []byte(text)
	var err error
	switch {
	case text == "-":
		place = "standard input"
		raw, err = readDocument(a.Stdin)
	case strings.HasPrefix(text, "@"):
		place = text[1:]
		raw, err = readDocumentFile(place)
	}
	if err != nil {
		return nil, usage(fmt.Errorf("read the input: %w", err))
	}
	if err := document.Check(raw, document.Limits{}); err != nil {
		return nil, usage(errors.New(visible(where(place, raw, err))))
	}
	return bytes.TrimSpace(raw), nil
}

func readDocumentFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readDocument(file)
}

// readDocument stops one byte behind what any document may have.
func readDocument(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, document.DefaultMaxBytes+1))
}

// where puts line and column before what is wrong with a document.
func where(place string, raw []byte, err error) string {
	var problem *document.Error
	if !errors.As(err, &problem) {
		return fmt.Sprintf("%s: %v", place, err)
	}
	before := raw[:min(int(problem.Offset), len(raw))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	text := fmt.Sprintf("%s, line %d, column %d: ", place, line, column)
	if problem.Pointer != "" {
		text += problem.Pointer + " "
	}
	return text + problem.Message
}
