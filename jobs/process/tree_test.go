//go:build linux

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"freshet/jobs/process/tree"
)

// stubborn keeps to a session of its own and ignores SIGTERM.
const stubborn = `setsid sh -c 'trap "" TERM; sleep 1000; :' &`

// forest is about ninety processes, which leave in every way there is.
const forest = `
i=0; while [ $i -lt 15 ]; do i=$((i+1))
  sleep 1000 &
  setsid sleep 1000 &
  (setsid sh -c 'trap "" TERM HUP INT; sleep 1000; :' & ) &
  (sh -c 'trap "" TERM; sleep 1000; :' & ) &
done
echo grown; sleep 1000; :`

func TestStragglersAreKilledAndCounted(t *testing.T) {
	t.Parallel()
	s, tag := script(t, "sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 &) ; exit 3")
	result := run(t, s)
	if result.ExitCode != 3 || result.Stragglers != 3 {
		t.Errorf("%+v", result)
	}
	if left := bearers(tag); len(left) != 0 {
		t.Errorf("survivors right after Wait: %v", left)
	}
}

func TestGrandchildHoldingStdout(t *testing.T) {
	t.Parallel()
	s, _ := script(t, "setsid sleep 1000 & echo done")
	if got := output(t, s); got != "done\n" {
		t.Errorf("read %q", got)
	}
}

func TestStopKillsTheStubborn(t *testing.T) {
	t.Parallel()
	s, tag := script(t, stubborn+` trap "" TERM; echo ready; while :; do sleep 1000; done`)
	out := &watched{}
	s.Stdout, s.Grace = out, 300*time.Millisecond
	c := start(t, s)
	out.has(t, "ready")
	grown(t, tag, 3)
	began := time.Now()
	c.Stop()
	c.Stop()
	result, err := c.Wait()
	if took := time.Since(began); err != nil || took < s.Grace || took > s.Grace+promptly {
		t.Errorf("took %s, %v", took, err)
	}
	if result.Signal != "SIGKILL" || len(bearers(tag)) != 0 {
		t.Errorf("%+v, survivors %v", result, bearers(tag))
	}
}

func TestStopLetsTheGroupFinish(t *testing.T) {
	t.Parallel()
	// The shell dies of the SIGTERM at once; its child says goodbye first.
	s := self(t, "polite")
	out := &watched{}
	s.Args = append([]string{"/bin/sh", "-c", `"$0"; :`}, s.Args...)
	s.Stdout, s.Grace = out, patient
	c := start(t, s)
	out.has(t, "ready")
	c.Stop()
	result, err := c.Wait()
	if err != nil || result.Signal != "SIGTERM" || !strings.Contains(out.String(), "goodbye") {
		t.Errorf("%+v, %v, %q", result, err, out)
	}
}

func TestKillOfAForest(t *testing.T) {
	t.Parallel()
	s, tag := script(t, forest)
	out := &watched{}
	s.Stdout = out
	c := start(t, s)
	out.has(t, "grown")
	grown(t, tag, 90)
	began := time.Now()
	c.Kill()
	result, err := c.Wait()
	if took := time.Since(began); err != nil || took > promptly {
		t.Errorf("took %s: %v", took, err)
	}
	if left := bearers(tag); len(left) != 0 || result.Signal != "SIGKILL" {
		t.Errorf("%+v, survivors %v", result, left)
	}
}

// A process that forks and exits, in a new session each time, is never where one looked last.
func TestHoppersAreCaught(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"group":   `hop() { hop & }; hop; exit 0`,
		"kept":    `hop() { hop & }; hop; echo ready; sleep 1000`,
		"session": `echo 'setsid sh "$0" & exit' > hop; setsid sh hop & exit 0`,
		"chain":   `echo 'n=$(($1+1)); [ $n -gt 400 ] || sh "$0" $n; :' > hop; sh hop 0 & exit 0`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, tag := script(t, text)
			s.Dir = t.TempDir()
			c := start(t, s)
			if name == "kept" {
				grown(t, tag, 2)
				c.Kill()
			}
			if _, err := c.Wait(); err != nil {
				t.Error(err)
			}
			gone(t, tag)
		})
	}
}

// Without the shim the same command leaves survivors, and the tests here would see them.
//
//nolint:paralleltest // the survivors come to this process: the death of a shim in another test would end them too
func TestSurvivorsCanBeSeen(t *testing.T) {
	s, tag := script(t, stubborn+" sleep 1000")
	cmd := exec.Command(s.Args[0], s.Args[1:]...)
	cmd.Env, cmd.SysProcAttr = s.Env, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	grown(t, tag, 4)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
	left := bearers(tag)
	if len(left) == 0 {
		t.Error("nothing survived the kill of a process group")
	}
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	gone(t, tag)
}

func TestDeathOfTheWorker(t *testing.T) {
	t.Parallel()
	w := startWorker(t, forest)
	grown(t, w.tag, 90)
	began := time.Now()
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
	gone(t, w.tag)
	t.Logf("all dead after %s", time.Since(began))
}

func TestFrozenShimDiesWithTheWorkersPatience(t *testing.T) {
	t.Parallel()
	s, tag := script(t, stubborn+" sleep 1000")
	c := start(t, s)
	grown(t, tag, 4)
	if err := syscall.Kill(c.shim.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.expect(100 * time.Millisecond) // Kill would give it ten seconds
	c.Kill()
	if _, err := c.Wait(); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	gone(t, tag)
}

// The shims of a process die one after the other. Each takes only its own tree with it.
func TestDeathOfAShim(t *testing.T) {
	t.Parallel()
	var children []*Child
	var tags []string
	for range 3 {
		s, tag := script(t, forest)
		children, tags = append(children, start(t, s)), append(tags, tag)
	}
	for _, tag := range tags {
		grown(t, tag, 90)
	}
	for i, c := range children {
		_ = c.shim.Kill()
		result, err := c.Wait()
		if !errors.Is(err, ErrLost) || result.ExitCode != -1 {
			t.Errorf("%+v, %v", result, err)
		}
		gone(t, tags[i])
		for _, later := range tags[i+1:] {
			if n := len(bearers(later)); n < 90 {
				t.Errorf("the tree of another shim has %d left", n)
			}
		}
	}
}

func TestDeathOfAShimUnderAnotherWorker(t *testing.T) {
	t.Parallel()
	w := startWorker(t, forest)
	grown(t, w.tag, 90)
	_ = syscall.Kill(w.shim, syscall.SIGKILL)
	// The worker itself bears the tag, and lives on.
	if !eventually(promptly, func() bool { return len(bearers(w.tag)) == 1 }) {
		t.Errorf("survivors: %v", bearers(w.tag))
	}
	w.out.has(t, "over shim was lost")
}

func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	s, tag := script(t, stubborn+" sleep 1000")
	c := start(t, s)
	grown(t, tag, 4)
	const lease = 300 * time.Millisecond
	began := time.Now()
	for range 3 { // a lease that is renewed does not run out
		if err := c.Renew(lease); err != nil {
			t.Fatal(err)
		}
		select {
		case <-c.Done():
			t.Fatal("ended while it had a lease")
		case <-time.After(lease / 2):
		}
	}
	result, err := c.Wait()
	if took := time.Since(began); err != nil || took < lease*2 || took > lease*2+promptly {
		t.Errorf("took %s: %v", took, err)
	}
	if !result.Expired || result.Signal != "SIGKILL" || len(bearers(tag)) != 0 {
		t.Errorf("%+v, survivors %v", result, bearers(tag))
	}
	if err := c.Renew(lease); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("renew after the end: %v", err)
	}
}

func TestFrozenWorkerLosesItsLease(t *testing.T) {
	t.Parallel()
	w := startWorker(t, forest)
	grown(t, w.tag, 90)
	if err := w.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// The worker itself bears the tag.
	if !eventually(testLease+promptly, func() bool { return len(bearers(w.tag)) == 1 }) {
		t.Errorf("survivors: %v", bearers(w.tag))
	}
}

// workerProcess is a process that uses this package.
type workerProcess struct {
	cmd         *exec.Cmd
	out         *watched
	tag         string
	child, shim int
}

func startWorker(t *testing.T, text string) *workerProcess {
	t.Helper()
	s, tag := script(t, text)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &workerProcess{cmd: exec.Command(path, s.Args...), out: &watched{}, tag: tag}
	w.cmd.Env, w.cmd.Stdout, w.cmd.Stderr = append([]string{roleVar + "=worker"}, s.Env...), w.out, w.out
	stdin, err := w.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.cmd.WaitDelay = promptly
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
		gone(t, tag)
	})
	w.out.has(t, "child")
	w.out.has(t, "grown")
	for line := range strings.Lines(w.out.String()) {
		_, _ = fmt.Sscanf(line, "child %d %d", &w.child, &w.shim)
	}
	if status, err := tree.Read(w.shim); err != nil || status.Session != w.shim {
		t.Fatalf("shim %d: %+v, %v", w.shim, status, err)
	}
	return w
}
