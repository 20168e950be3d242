// Package cmdtest lets the test binary of a package be the whole of freshet, so that what is tested is what was compiled,
// race detector included.
package cmdtest

import (
	"os"
	"path/filepath"

	"freshet/cmd"
)

// Variable makes a test binary be freshet, when it is set in its environment.
const Variable = "FRESHET_TEST_AS_PROGRAM"

// Become runs freshet and exits, if the process was started to be it: by the Variable, or by the name of freshet, since
// commands that Freshet runs get an environment from nothing. A package's TestMain calls it first.
func Become() {
	if os.Getenv(Variable) == "" && filepath.Base(os.Args[0]) != "freshet" {
		return
	}
	ctx, stop := cmd.Signals()
	code := cmd.Run(ctx, cmd.Invocation{Name: "freshet", Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"})
	stop()
	os.Exit(code)
}
