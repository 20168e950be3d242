package builtin_test

import (
	"io/fs"
	"slices"
	"testing"

	"freshet/cmd/builtin"
	"freshet/config"
	"freshet/jobs/kind"
)

func exampleKinds(t *testing.T) map[string]*kind.Kind {
	t.Helper()
	files, err := builtin.Files()
	if err != nil {
		t.Fatal(err)
	}
	source, err := fs.ReadFile(files, "freshet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := config.Parse(source, "freshet.yaml", files)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]*kind.Kind)
	for _, spec := range parsed.Kinds {
		compiled, err := kind.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		kinds[spec.Name] = compiled
		// What a command needs beside freshet.yaml is in the folder too.
		if spec.Command[0] == "node" {
			if _, err := fs.Stat(files, spec.Command[1]); err != nil {
				t.Error(err)
			}
		}
	}
	return kinds
}

func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := exampleKinds(t)
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"csv-summary", "hello", "page-to-pdf"}; !slices.Equal(names, want) {
		t.Errorf("kinds %v, want %v", names, want)
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	kinds := exampleKinds(t)
	for _, test := range []struct {
		kind, input string
		good        bool
	}{
		{"hello", `{}`, true},
		{"hello", `{"name": "Ada", "seconds": 60}`, true},
		{"hello", `{"seconds": 61}`, false},
		{"hello", `{"nmae": "Ada"}`, false},
		{"page-to-pdf", `{"url": "https://example.com/a?b#c"}`, true},
		{"page-to-pdf", `{"file": "/tmp/a.html", "format": "Letter", "landscape": true}`, true},
		{"page-to-pdf", `{"html": "<h1>Hi"}`, true},
		{"page-to-pdf", `{}`, false},
		{"page-to-pdf", `{"html": "x", "file": "y"}`, false},
		{"page-to-pdf", `{"url": "--headless"}`, false},
		{"page-to-pdf", `{"html": "x", "format": "A3"}`, false},
		{"csv-summary", `{"csv": ""}`, true},
		{"csv-summary", `{"csv": "a;b", "delimiter": ";"}`, true},
		{"csv-summary", `{"csv": "a\tb", "delimiter": "\t"}`, true},
		{"csv-summary", `{"csv": "a", "delimiter": "\""}`, false},
		{"csv-summary", `{"csv": "a", "delimiter": "\n"}`, false},
		{"csv-summary", `{"csv": "a", "delimiter": ", "}`, false},
		{"csv-summary", `{"delimiter": ","}`, false},
	} {
		if err := kinds[test.kind].ValidateInput([]byte(test.input)); (err == nil) != test.good {
			t.Errorf("%s with %s: error %v, want good = %v", test.kind, test.input, err, test.good)
		}
	}
}
