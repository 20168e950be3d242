package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"freshet/cmd"
	"freshet/jobs/postgres/postgrestest"
)

// What the test binary is, if not a test: the whole program, or a reader of a stream. Commands that
// Freshet runs get an environment from nothing; they call the binary by the name freshet.
const (
	asProgram = "FRESHET_TEST_AS_PROGRAM"
	asReader  = "FRESHET_TEST_AS_READER"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asProgram) != "" || filepath.Base(os.Args[0]) == "freshet":
		os.Exit(beProgram())
	case os.Getenv(asReader) != "":
		os.Exit(readAlone(context.Background(), os.Getenv(asReader)))
	default:
		postgrestest.Main(m)
	}
}

func beProgram() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return cmd.Run(ctx, cmd.Invocation{Name: "freshet", Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"})
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
