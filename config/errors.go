package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong with a freshet.yaml.
type Error struct {
	File    string
	Line    int    // from 1; 0 when the problem is of the whole file
	Column  int    // from 1, in characters
	Path    string // such as kinds[0].timeout; empty for the whole file
	Message string // what is wrong, and where it is known how to mend it
}

func (e *Error) Error() string {
	text := e.File
	if e.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	if e.Path != "" {
		text += ": " + e.Path
	}
	return text + ": " + e.Message
}

// Errors is everything that is wrong with a freshet.yaml, in the order of the file; never empty.
type Errors []*Error

// Error lists the problems, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, problem := range e {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem to errors.As.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, problem := range e {
		errs[i] = problem
	}
	return errs
}

// sorted gives what the reader found in the order of the file.
func (r *reader) sorted() Errors {
	slices.SortStableFunc(r.problems, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.problems
}
