package cmd_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestDeployedCommands has freshet read each of its command lines in the files for compose, Kubernetes and
// Cloud Run, so that none has a flag that is no more.
func TestDeployedCommands(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds)
	files, err := filepath.Glob("../deploy/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, file := range append(files, "../deploy/compose.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var value any
			if err := yaml.Unmarshal([]byte(document), &value); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, args := range commandLines(value) {
				found[args[0]]++
				if r := p.client(append(args, "--help")...); r.code != 0 {
					t.Errorf("%s: freshet %s: %s", file, strings.Join(args, " "), r.stderr)
				}
			}
		}
	}
	for command, least := range map[string]int{"api": 2, "worker": 2, "migrate": 2} {
		if found[command] < least {
			t.Errorf("found %d command lines of freshet %s, want %d", found[command], command, least)
		}
	}
	p.must(2, "worker", "--no-such-flag", "--help")
}

// commandLines are the lists under "args" and "command" that begin with a command of freshet.
func commandLines(value any) (lines [][]string) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			lines = append(lines, commandLines(item)...)
		}
	case map[string]any:
		for key, item := range value {
			list, _ := item.([]any)
			if key != "args" && key != "command" || len(list) == 0 {
				lines = append(lines, commandLines(item)...)
				continue
			}
			var args []string
			for _, word := range list {
				text, _ := word.(string)
				args = append(args, text)
			}
			if slices.Contains([]string{"api", "worker", "migrate"}, args[0]) {
				lines = append(lines, args)
			}
		}
	}
	return lines
}
