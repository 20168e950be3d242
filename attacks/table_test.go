package attacks_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// attacksOfThePlan is how many attacks the table has to answer.
const attacksOfThePlan = 44

// The table of doc.go is true: it has a row for each attack, each test that it names exists, and what
// "make test/attacks" runs is what it names.
func TestTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var rows, want []string
	for _, row := range regexp.MustCompile(`(?m)^//\t(S\d+) `).FindAllStringSubmatch(string(text), -1) {
		rows = append(rows, row[1])
	}
	for i := range attacksOfThePlan {
		want = append(want, fmt.Sprintf("S%d", i+1))
	}
	if !slices.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	command := exec.Command("scripts/attacks", "list")
	command.Dir = ".."
	list, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Split(strings.TrimSpace(string(list)), "\n")
	for _, name := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(string(text), -1) {
		if name != "TestTable" && !slices.ContainsFunc(listed, func(line string) bool { return strings.HasSuffix(line, " "+name) }) {
			t.Errorf("%s is named, and not run", name)
		}
	}
	known := map[string]map[string]bool{}
	for _, line := range listed {
		folder, name, _ := strings.Cut(line, " ")
		if known[folder] == nil {
			known[folder] = testsOf(t, filepath.Join("..", folder))
		}
		if !known[folder][name] {
			t.Errorf("there is no %s in %s", name, folder)
		}
	}
	for _, name := range regexp.MustCompile(`ui/[\w/]+\.test\.ts`).FindAllString(string(text), -1) {
		if _, err := os.Stat(filepath.Join("..", name)); err != nil {
			t.Error(err)
		}
	}
}

// testsOf are the names of the tests of a package.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", folder, err)
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range parsed.Decls {
			if function, is := declared.(*ast.FuncDecl); is && function.Recv == nil {
				names[function.Name.Name] = true
			}
		}
	}
	return names
}
