package postgrestest

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"freshet/migrations"
)

// childEnv makes this program a test program that uses a server and is killed.
const childEnv = "FRESHET_POSTGRESTEST_CHILD"

func TestMain(m *testing.M) {
	Main(m)
}

// TestChild is run by TestKilledProgramLeavesNothing in a process of its own.
//
//nolint:paralleltest // the only test of its process
func TestChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("only as a child")
	}
	New(t)
	found, err := filepath.Glob(filepath.Join(fastest(), "freshet-test-*", fmt.Sprintf("run-%d-*", os.Getpid())))
	if err != nil || len(found) != 1 {
		t.Fatalf("folders %v, error %v", found, err)
	}
	fmt.Println("folder", found[0])
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until killed
}

func TestKilledProgramLeavesNothing(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childEnv+"=1", "FRESHET_TEST_DATABASE_URL=")
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	folder := ""
	for lines := bufio.NewScanner(stdout); folder == "" && lines.Scan(); {
		folder, _ = strings.CutPrefix(lines.Text(), "folder ")
	}
	server := postmaster(t, folder)
	if !alive(strconv.Itoa(server)) {
		t.Fatal("the server does not run")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	deadline := time.After(10 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); running(server); {
		select {
		case <-deadline:
			t.Fatalf("server %d outlived its test program", server)
		case <-tick:
		}
	}
	sweep(filepath.Dir(folder), "")
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s was not removed: %v", folder, err)
	}
}

func postmaster(t *testing.T, folder string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "cluster", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// running tells whether the process still does something: one that nobody has waited for does not.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestSweep(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * keepSeed)
	folders := map[string]bool{ // whether it stays
		fmt.Sprintf("run-%d-1", gone.Process.Pid): false,
		fmt.Sprintf("run-%d-1", os.Getpid()):      true,
		"seed-old":                                false,
		"seed-mine":                               true,
		"something":                               true,
	}
	for name := range folders {
		path := filepath.Join(root, name)
		if err := errors.Join(os.Mkdir(path, 0o700), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	recent := filepath.Join(root, "seed-recent")
	folders["seed-recent"] = true
	if err := os.Mkdir(recent, 0o700); err != nil {
		t.Fatal(err)
	}
	sweep(root, filepath.Join(root, "seed-mine"))
	for name, stays := range folders {
		if _, err := os.Stat(filepath.Join(root, name)); (err == nil) != stays {
			t.Errorf("%s: stays %v, want %v", name, err == nil, stays)
		}
	}
}

// The second program must start on the first one's seed, not make one.
func TestSeedIsReused(t *testing.T) {
	t.Parallel()
	first, err := copyOfSeed()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(first)
	seed := filepath.Join(filepath.Dir(first), "seed-"+migrations.Hash()[:16])
	before, err := os.Stat(filepath.Join(seed, "cluster", "PG_VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := copyOfSeed()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(second)
	after, err := os.Stat(filepath.Join(seed, "cluster", "PG_VERSION"))
	if err != nil || !os.SameFile(before, after) || first == second {
		t.Fatalf("the seed was made anew (%v), or one folder given twice", err)
	}
}
