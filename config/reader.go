package config

import (
	"fmt"
	"io/fs"
	"strings"
)

// maxProblems is how many problems are listed; behind so many, the file is not meant for us.
const maxProblems = 100

// reader carries what is common to the reading of one file.
type reader struct {
	file     string
	folder   fs.FS // nil when schema files cannot be read
	problems Errors
}

// place says where in the file a value stands, in the words of the file.
type place struct {
	path    string // kinds[0].timeout
	pattern string // kinds[].timeout; a name chosen by the user is a *
}

func (p place) key(name string) place {
	if p.path == "" {
		return place{name, name}
	}
	return place{p.path + "." + name, p.pattern + "." + name}
}

// named is the place below a name that the user chose.
func (p place) named(name string) place {
	return place{p.path + "." + name, p.pattern + ".*"}
}

func (p place) item(index int) place {
	return place{fmt.Sprintf("%s[%d]", p.path, index), p.pattern + "[]"}
}

// fail reports a problem of a node.
func (r *reader) fail(at place, n *node, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, &Error{
			File: r.file, Line: n.line, Column: n.column, Path: at.path, Message: fmt.Sprintf(format, args...),
		})
	}
}

// failed tells whether a problem was reported at or below a place.
func (r *reader) failed(at place) bool {
	for _, problem := range r.problems {
		rest, below := strings.CutPrefix(problem.Path, at.path)
		if below && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
