//go:build unix

package shim

import (
	"os"
	"runtime"
)

// Name is the argv[0] by which the binary knows that it is to be the shim.
const Name = "freshet-shim"

// The shim must run before the other packages of the binary are initialised, and only an init function can.
//
//nolint:gochecknoinits // see above
func init() {
	if len(os.Args) == 1 && os.Args[0] == Name {
		// The thread that forks the command must live as long as the shim, for the parent-death signal.
		runtime.LockOSThread()
		os.Exit(run())
	}
}
