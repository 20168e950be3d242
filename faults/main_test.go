package faults_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/cmd"
	"freshet/jobs/postgres/postgrestest"
)

// full has the tests run at their full sizes, which takes the better part of an hour.
var full = flag.Bool("full", false, "run at full size")

// size is one of two, as the flag says.
func size(large, small int) int {
	if *full {
		return large
	}
	return small
}

// patience bounds every wait: the machine may be busy.
const patience = time.Minute

// asProgram makes the test binary be freshet, so that what is attacked is what was compiled, race
// detector included.
const asProgram = "FRESHET_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" && filepath.Base(os.Args[0]) != "freshet" {
		// Links that are cut while they send leave a goroutine behind.
		leaks := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")
		postgrestest.Main(m, goleak.Cleanup(exit), leaks)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	code := cmd.Run(ctx, cmd.Invocation{Name: "freshet", Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test"})
	stop()
	os.Exit(code)
}

// exit ends the test program; with an error, if a process of this very binary is left: a shim has no
// environment by which its run could know it.
func exit(code int) {
	self, _ := os.Readlink("/proc/self/exe")
	left := func() (pids []int) {
		for _, pid := range processes() {
			if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); exe == self && pid != os.Getpid() {
				pids = append(pids, pid)
			}
		}
		return pids
	}
	for deadline := time.Now().Add(mourning); len(left()) > 0; {
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, "faults: processes are left:", left())
			code = max(code, 1)
			break
		}
	}
	os.Exit(code)
}

// processes are the ids of all processes of this machine.
func processes() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
