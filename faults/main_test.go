package faults_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/cmd/cmdtest"
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

func TestMain(m *testing.M) {
	cmdtest.Become()
	// Links that are cut while they send leave a goroutine behind.
	leaks := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")
	postgrestest.Main(m, goleak.Cleanup(exit), leaks)
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
