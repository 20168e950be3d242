package attacks_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"freshet/cmd"
	"freshet/jobs/postgres/postgrestest"
)

// asProgram makes the test binary be freshet, so that what is attacked is what was compiled.
const asProgram = "FRESHET_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		postgrestest.Main(m)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	code := cmd.Run(ctx, cmd.Invocation{Name: "freshet", Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"})
	stop()
	os.Exit(code)
}
