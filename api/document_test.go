package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"freshet/api"
)

func TestCommittedDocumentIsUpToDate(t *testing.T) {
	t.Parallel()
	made, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	again, err := api.Document()
	if err != nil || !bytes.Equal(made, again) {
		t.Fatalf("the document is not the same twice (error %v)", err)
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, committed) {
		t.Error("api/openapi.json is old: go run . openapi > api/openapi.json")
	}
}

// described is what the document says of an operation.
type described struct {
	OperationID, Summary string
	Tags                 []string
	Security             *[]map[string][]string
	Parameters           []struct{ Name, Description, In string }
	Responses            map[string]struct {
		Description string
		Content     map[string]any
	}
	RequestBody *struct {
		Content map[string]struct{ Schema map[string]any }
	}
}

func TestDocumentIsWhole(t *testing.T) {
	t.Parallel()
	text, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		OpenAPI    string
		Info       struct{ Title, Version string }
		Paths      map[string]map[string]described
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme string }
			Schemas         map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" || document.Info.Title != "Freshet" || document.Components.SecuritySchemes["key"].Scheme != "bearer" {
		t.Errorf("OpenAPI %s, info %+v, security %+v", document.OpenAPI, document.Info, document.Components.SecuritySchemes)
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		if _, there := document.Components.Schemas[name]; there {
			t.Errorf("schema %s of the library shows", name)
		}
	}
	for path, methods := range document.Paths {
		for method, op := range methods {
			where := method + " " + path
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 || op.Security == nil {
				t.Errorf("%s lacks something: %+v", where, op)
			}
			if op.Responses["500"].Content["application/problem+json"] == nil || op.Responses["default"].Content != nil {
				t.Errorf("%s: refusals %+v", where, op.Responses)
			}
			if len(*op.Security) > 0 && !strings.Contains(op.Responses["401"].Description, "`unauthorized`") {
				t.Errorf("%s: 401 is not described", where)
			}
			for _, parameter := range op.Parameters {
				if parameter.In == "path" && !strings.Contains(path, "{"+parameter.Name+"}") {
					t.Errorf("%s: parameter %s is not in the path", where, parameter.Name)
				}
			}
		}
	}
	submit := document.Paths["/v1/tasks"]["post"]
	if submit.RequestBody == nil || submit.RequestBody.Content["application/json"].Schema["$ref"] != "#/components/schemas/SubmitRequest" {
		t.Errorf("the body of a submit: %+v", submit.RequestBody)
	}
	for _, status := range []string{"200", "202", "400", "403", "409", "413", "415", "422"} {
		if submit.Responses[status].Description == "" {
			t.Errorf("a submit's %s is not described", status)
		}
	}
}

// codesOf reads the first two columns of a table of codes.
func codesOf(text, row string) []string {
	var codes []string
	for _, cells := range regexp.MustCompile(row).FindAllStringSubmatch(text, -1) {
		codes = append(codes, fmt.Sprintf("%s %s %s", cells[1], cells[2], html.UnescapeString(cells[3])))
	}
	return codes
}

func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	page, err := os.ReadFile("../docs/errors.md")
	r.ok(err)
	written := codesOf(string(page), "(?m)^\\| `([a-z_]+)` \\| ([0-9]{3}) \\| (.*) \\|$")
	shown := codesOf(r.call("", http.MethodGet, "/docs/errors", "").want(http.StatusOK).body,
		`<tr id="[a-z_]+"><td><code>([a-z_]+)</code></td><td>([0-9]{3})</td><td>(.*)</td></tr>`)
	if len(shown) < 20 || !slices.Equal(written, shown) {
		t.Errorf("docs/errors.md says\n%s\nthe code says\n%s", strings.Join(written, "\n"), strings.Join(shown, "\n"))
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	external := regexp.MustCompile(`(?i)(src|href|action)="?(https?:)?//|<script|<style|javascript:|@import|url\(`)
	for path, want := range map[string]string{
		"/":               `curl https://tasks.example.com/v1/tasks`,
		"/docs":           `<code>/v1/tasks/{id}/cancel</code>`,
		"/docs/errors":    `<tr id="invalid_input">`,
		"/docs/style.css": `font`,
	} {
		a := r.call("", http.MethodGet, path, "").want(http.StatusOK)
		if !strings.Contains(a.body, want) {
			t.Errorf("%s lacks %s", path, want)
		}
		if found := external.FindString(a.body); found != "" {
			t.Errorf("%s has %s: pages need no network and no script", path, found)
		}
		if !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'") {
			t.Errorf("%s: policy %q", path, a.header.Get("Content-Security-Policy"))
		}
	}
	first := r.call("", http.MethodGet, "/", "").body
	for _, text := range []string{"https://tasks.example.com", `href="/docs"`, `href="/login"`, "freshet submit"} {
		if !strings.Contains(first, text) {
			t.Errorf("the first page lacks %s", text)
		}
	}
	document, err := api.Document()
	r.ok(err)
	if a := r.call("", http.MethodGet, "/openapi.json", "").want(http.StatusOK); a.body != string(document) {
		t.Error("the served document is not the committed one")
	}
	docs := r.call("", http.MethodGet, "/docs", "").body
	for path, methods := range r.schema.Paths {
		for _, operation := range methods {
			if !strings.Contains(docs, `id="`+operation.OperationID+`"`) {
				t.Errorf("%s (%s) is not on the page", operation.OperationID, path)
			}
		}
	}
}
