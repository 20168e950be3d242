package postgrestest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs a package's tests, then stops the server that they used and fails if a goroutine is left.
// It is called by the package's TestMain, and does not return. A package whose TestMain does not call
// it loses its server a moment after its end all the same, by the kernel.
func Main(m *testing.M, options ...goleak.Option) {
	goleak.VerifyTestMain(program{m}, options...)
}

// program stops the server before leaks are looked for.
type program struct{ tests *testing.M }

func (p program) Run() int {
	code := p.tests.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest:", err)
		return max(code, 1)
	}
	return code
}
