package cmd_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// task is the part of the API's task that these tests look at.
type task struct {
	ID       string          `json:"id"`
	State    string          `json:"state"`
	Attempt  int             `json:"attempt"`
	Progress int             `json:"progress"`
	Output   json.RawMessage `json:"output"`
	Seq      int64           `json:"seq"`
	Error    *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		LogTail string `json:"logTail"`
	} `json:"error"`
}

func (p *program) task(id string) task {
	p.t.Helper()
	return parse[task](p, p.must(0, "get", id, "--json").stdout)
}

func parse[Value any](p *program, text string) Value {
	p.t.Helper()
	var value Value
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		p.t.Fatalf("%v in %s", err, text)
	}
	return value
}

// submit submits a task and returns its id.
func (p *program) submit(args ...string) string {
	p.t.Helper()
	return parse[task](p, p.must(0, append([]string{"submit", "--json"}, args...)...).stdout).ID
}

// followed submits a task, follows it to its end, and returns it.
func (p *program) followed(code int, args ...string) task {
	p.t.Helper()
	id := p.submit(args...)
	p.must(code, "get", id, "--wait", "--json")
	return p.task(id)
}

// TestExamples runs the built-in kinds on real input, through the whole program: command line, HTTP,
// an embedded PostgreSQL, a worker in a process of its own, and the kinds' own commands.
//
//nolint:tparallel // one program runs them all, one after another
func TestExamples(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "").start()

	t.Run("hello", func(t *testing.T) {
		r := p.must(0, "submit", "hello", "--input", `{"name":"Ada","seconds":1}`, "--follow")
		for _, want := range []string{"Ada", "100"} {
			if !strings.Contains(r.stdout+r.stderr, want) {
				t.Errorf("--follow did not show %q:\n%s%s", want, r.stdout, r.stderr)
			}
		}
	})
	t.Run("page-to-pdf", func(t *testing.T) {
		page := filepath.Join(p.folder, "page.html")
		if err := os.WriteFile(page, []byte("<!doctype html><title>A page</title><h1>The freshet of 1936</h1>"), 0o600); err != nil {
			t.Fatal(err)
		}
		done := p.followed(0, "page-to-pdf", "--input", `{"url":"file://`+page+`"}`)
		folder := filepath.Join(p.folder, "kept")
		p.must(0, "artifacts", done.ID, "--output", folder)
		text, err := exec.CommandContext(t.Context(), "pdftotext", filepath.Join(folder, "page.pdf"), "-").Output()
		if err != nil {
			t.Fatalf("pdftotext: %v", err)
		}
		if !strings.Contains(string(text), "The freshet of 1936") {
			t.Errorf("the PDF says %q", text)
		}
	})
	t.Run("csv-summary", func(t *testing.T) {
		done := p.followed(0, "csv-summary", "--input", `{"csv":"name,age\nAda,36\n\"Lovelace, A.\",44\n"}`)
		var output struct {
			Rows    int `json:"rows"`
			Columns []struct {
				Name string  `json:"name"`
				Mean float64 `json:"mean"`
			} `json:"columns"`
		}
		if err := json.Unmarshal(done.Output, &output); err != nil {
			t.Fatal(err)
		}
		if output.Rows != 2 || len(output.Columns) != 2 || output.Columns[1].Name != "age" || output.Columns[1].Mean != 40 {
			t.Errorf("output %s", done.Output)
		}
	})
	t.Run("bad input", func(t *testing.T) {
		if r := p.must(1, "submit", "hello", "--input", `{"seconds":"many"}`); !strings.Contains(r.stderr, "/input/seconds") {
			t.Errorf("the error does not say where: %s", r.stderr)
		}
		p.must(2, "submit", "hello", "--input", `{"seconds":`)
	})
}
