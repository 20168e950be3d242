package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The YAML library needs time and memory that grow with the square of nesting and of tokens, and it
// recurses without bound. These limits keep that under a second; real files are far below.
const (
	maxSource = 1 << 20
	maxTokens = 30_000
	maxDepth  = 64
	maxNodes  = 100_000 // after aliases are resolved
)

// parseYAML makes the tree of a YAML text. An empty text is an empty mapping. It gives nil when there is
// no tree to go on with; the reason is then among the problems.
func (r *reader) parseYAML(source []byte) *node {
	start := &node{nodeType: mappingNode, line: 1, column: 1}
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	if len(source) > maxSource {
		r.fail(place{}, start, "is longer than %d bytes", maxSource)
		return nil
	}
	if line := invalidLine(source); line > 0 {
		r.fail(place{}, &node{line: line, column: 1}, "is not valid UTF-8 text")
		return nil
	}
	tokens := lexer.Tokenize(string(source))
	if at, reason := tooComplex(tokens); reason != "" {
		r.fail(place{}, &node{line: at.Line, column: at.Column}, "%s", reason)
		return nil
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.failSyntax(err)
		return nil
	}
	body := r.onlyDocument(tree)
	if body == nil {
		if len(r.problems) > 0 {
			return nil
		}
		return start
	}
	return (&converter{reader: r, anchors: map[string]*node{}}).convert(body, 0)
}

// invalidLine is the line of the first byte that is no UTF-8, 0 when there is none.
func invalidLine(source []byte) int {
	line := 1
	for text := range bytes.Lines(source) {
		if !utf8.Valid(text) {
			return line
		}
		line++
	}
	return 0
}

// tooComplex tells where the tokens leave the limits within which the parser is safe. Nesting costs
// either brackets, or a run of indicators on one line; by indentation alone maxSource bounds it.
func tooComplex(tokens token.Tokens) (*token.Position, string) {
	brackets, run, line := 0, 0, 0
	for i, t := range tokens {
		if i >= maxTokens {
			return t.Position, "is too long: more keys and values than any freshet.yaml needs"
		}
		if t.Position.Line != line {
			run, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			run++
		}
		if brackets > maxDepth || run > maxDepth {
			return t.Position, fmt.Sprintf("is nested deeper than %d levels", maxDepth)
		}
	}
	return nil, ""
}

func (r *reader) failSyntax(err error) {
	at, message := &node{}, err.Error()
	if syntax, ok := errors.AsType[yaml.Error](err); ok {
		message = syntax.GetMessage()
		if t := syntax.GetToken(); t != nil && t.Position != nil {
			at = &node{line: t.Position.Line, column: t.Position.Column}
		}
	}
	message, _, _ = strings.Cut(message, "\n")
	r.fail(place{}, at, "is not valid YAML: %s", message)
}

// onlyDocument gives the body of the file's one document, nil when it is empty or there are more.
func (r *reader) onlyDocument(tree *ast.File) ast.Node {
	var body ast.Node
	for _, document := range tree.Docs {
		switch {
		case document.Body == nil:
		case document.Body.Type() == ast.DirectiveType:
			r.fail(place{}, nodeAt(textNode, document.Body), "YAML directives are not used here; remove the line")
			return nil
		case body != nil:
			r.fail(place{}, nodeAt(textNode, document.Body), "there is more than one YAML document; keep one")
			return nil
		default:
			body = document.Body
		}
	}
	return body
}
