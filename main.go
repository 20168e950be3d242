// Freshet runs the work that a web request must not wait for, durably, on nothing but PostgreSQL.
package main

import (
	"os"

	"freshet/cmd"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx, stop := cmd.Signals()
	code := cmd.Run(ctx, cmd.Invocation{
		Name: os.Args[0], Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: version,
	})
	stop()
	os.Exit(code)
}
