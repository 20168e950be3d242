package builtin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"freshet/cmd/builtin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is one line of the event file.
type line struct {
	Progress *int            `json:"progress"`
	Message  string          `json:"message"`
	Output   json.RawMessage `json:"output"`
	Error    *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Retry   *bool  `json:"retry"`
	} `json:"error"`
}

type example func(context.Context, builtin.Env) error

// newEnv is an Env in a folder of its own, with the environment of the test.
func newEnv(t *testing.T, input string) builtin.Env {
	t.Helper()
	folder := t.TempDir()
	env := builtin.Env{
		Input:     filepath.Join(folder, "input.json"),
		Events:    filepath.Join(folder, "events"),
		Artifacts: t.TempDir(),
		Environ:   os.Environ(),
		Stdout:    io.Discard,
		Stderr:    io.Discard,
	}
	if err := os.WriteFile(env.Input, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	return env
}

// events reads the event file and checks that progress only rises.
func events(t *testing.T, env builtin.Env) []line {
	t.Helper()
	file, err := os.Open(env.Events)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []line
	progress := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var next line
		if err := json.Unmarshal(scanner.Bytes(), &next); err != nil {
			t.Fatalf("line %q: %v", scanner.Text(), err)
		}
		if next.Progress != nil {
			if *next.Progress < progress || *next.Progress > 100 {
				t.Errorf("progress %d after %d", *next.Progress, progress)
			}
			progress = *next.Progress
		}
		lines = append(lines, next)
	}
	return lines
}

// succeed runs an example, and decodes its output.
func succeed(t *testing.T, run example, env builtin.Env, output any) {
	t.Helper()
	if err := run(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	lines := events(t, env)
	last := lines[len(lines)-1]
	if err := json.Unmarshal(last.Output, output); err != nil {
		t.Fatalf("the last line is %+v: %v", last, err)
	}
	if done := lines[len(lines)-2].Progress; done == nil || *done != 100 {
		t.Errorf("before the output the last line is %+v", lines[len(lines)-2])
	}
}

// fail runs an example that must fail with the code, and that must have said so in its event file.
func fail(t *testing.T, run example, env builtin.Env, code string, retry bool) (message string) {
	t.Helper()
	err := run(t.Context(), env)
	var told *builtin.Error
	if !errors.As(err, &told) {
		t.Fatalf("error %v, want a told one", err)
	}
	if told.Code != code || told.Retry != retry {
		t.Errorf("error %+v, want code %s, retry %v", told, code, retry)
	}
	lines := events(t, env)
	last := lines[len(lines)-1].Error
	if last == nil || last.Code != code || last.Message != told.Message || last.Retry == nil || *last.Retry != retry {
		t.Errorf("the last line's error is %+v, want %+v", last, told)
	}
	return told.Message
}
