package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"freshet/api"
)

// contract is the OpenAPI document, as far as tests hold answers against it.
type contract struct {
	Paths map[string]map[string]struct {
		OperationID string
		Security    []map[string][]string
		Responses   map[string]struct {
			Content map[string]any
		}
	}

	compiler *jsonschema.Compiler
	mu       sync.Mutex
	patterns map[string]*regexp.Regexp
}

const contractAddress = "schema:///openapi.json"

func readContract(t *testing.T) *contract {
	t.Helper()
	text, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{compiler: jsonschema.NewCompiler(), patterns: map[string]*regexp.Regexp{}}
	if err := json.Unmarshal(text, c); err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(contractAddress, whole); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\\\{[a-z]+\\\}`)
	for path := range c.Paths {
		c.patterns[path] = regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
	}
	return c
}

// find is the path of the document that a request belongs to, empty for none.
func (c *contract) find(request *http.Request) string {
	for path, pattern := range c.patterns {
		if _, known := c.Paths[path][strings.ToLower(request.Method)]; known && pattern.MatchString(request.URL.EscapedPath()) {
			if !strings.Contains(path, "{") || c.Paths[request.URL.Path] == nil {
				return path
			}
		}
	}
	return ""
}

// check fails the test unless the document allows the answer. Answers of the router and of pages are
// not in it.
func (c *contract) check(t *testing.T, request *http.Request, a answer) {
	t.Helper()
	path := c.find(request)
	if path == "" {
		return
	}
	method := strings.ToLower(request.Method)
	status := strconv.Itoa(a.status)
	response, known := c.Paths[path][method].Responses[status]
	if !known {
		t.Errorf("%s %s answers %s, which the document does not know: %s", method, path, status, a.body)
		return
	}
	if len(response.Content) == 0 {
		if a.body != "" {
			t.Errorf("%s %s answers %s with a body: %s", method, path, status, a.body)
		}
		return
	}
	kind := a.header.Get("Content-Type")
	if _, known := response.Content[kind]; !known {
		if _, binary := response.Content["application/octet-stream"]; !binary {
			t.Errorf("%s %s answers %s as %q, which the document does not know", method, path, status, kind)
		}
		return
	}
	if !strings.HasSuffix(kind, "json") {
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	pointer := "#/paths/" + escape(path) + "/" + method + "/responses/" + status + "/content/" + escape(kind) + "/schema"
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(a.body))
	if err != nil {
		t.Errorf("%s %s answers %s with no JSON: %v", method, path, status, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, err := c.compiler.Compile(contractAddress + pointer)
	if err != nil {
		t.Fatalf("schema at %s: %v", pointer, err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s answers %s against the document: %v\n%s", method, path, status, err, a.body)
	}
}
