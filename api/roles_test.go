package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"freshet/cmd/cmdtest"
	"freshet/jobs/postgres/postgrestest"
)

// asReader makes the test binary a reader of a stream.
const asReader = "FRESHET_TEST_AS_READER"

func TestMain(m *testing.M) {
	cmdtest.Become()
	if spec := os.Getenv(asReader); spec != "" {
		os.Exit(readAlone(context.Background(), spec))
	}
	postgrestest.Main(m)
}

// readAlone reads a stream to its end and prints each id.
func readAlone(ctx context.Context, spec string) int {
	var r struct{ Base, Key, Task, Query string }
	if err := json.Unmarshal([]byte(spec), &r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	reader := &reader{base: r.Base, key: r.Key, task: r.Task, query: r.Query}
	reader.told = func(frame sseFrame) {
		fmt.Println(frame.id)
		reader.frames = nil
	}
	if err := reader.follow(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// role is the test binary as something else.
func role(ctx context.Context, name, value string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = []string{name + "=" + value, "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	command.Stderr = os.Stderr
	return command
}
