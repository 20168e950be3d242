package clouds_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"freshet/cmd"
	"freshet/jobs/postgres/postgrestest"
)

// patience bounds every wait: the machine may be busy.
const patience = 90 * time.Second

// asProgram makes the test binary be freshet, so that the workers are what was compiled, race detector included.
const asProgram = "FRESHET_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" && filepath.Base(os.Args[0]) != "freshet" {
		postgrestest.Main(m)
		return
	}
	ctx, stop := cmd.Signals()
	code := cmd.Run(ctx, cmd.Invocation{Name: "freshet", Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"})
	stop()
	os.Exit(code)
}
