package cmd_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// longKinds runs for ever at its first attempt, and not at all at the next ones.
const longKinds = `
kinds:
  - name: long
    command: [sh, -c, 'echo $$ > {pids}/$FRESHET_ATTEMPT; [ $FRESHET_ATTEMPT -gt 1 ] || sleep 1000']
`

// TestKilledWorkerIsTakenOver kills the worker: its command dies, and the next attempt begins.
func TestKilledWorkerIsTakenOver(t *testing.T) {
	t.Parallel()
	pids := t.TempDir()
	p := newProgram(t, strings.ReplaceAll(longKinds, "{pids}", pids)).start()
	id := p.submit("long")
	var pid int
	p.until("the command runs", func() bool {
		text, _ := os.ReadFile(filepath.Join(pids, "1"))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid > 0
	})
	killed := time.Now()
	if err := syscall.Kill(p.workers()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.until("the task is completed", func() bool { return p.task(id).State == "completed" })
	took := time.Since(killed)
	if alive(pid) {
		t.Error("the command of the killed worker is alive")
	}
	if took > 5*time.Second {
		t.Errorf("the takeover took %s", took)
	}
	if task := p.task(id); task.Attempt != 2 {
		t.Errorf("attempt %d", task.Attempt)
	}
	t.Logf("taken over after %s", took)
}

// TestKilledDevHandsOver kills all of freshet dev but the worker: that hands over what it ran when the next freshet
// dev is there, which finds it told to leave.
func TestKilledDevHandsOver(t *testing.T) {
	t.Parallel()
	pids := t.TempDir()
	p := newProgram(t, strings.ReplaceAll(longKinds, "{pids}", pids)).start()
	id := p.submit("long")
	p.until("the command runs", func() bool {
		_, err := os.Stat(filepath.Join(pids, "1"))
		return err == nil
	})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	killed := time.Now()
	p.start()
	p.until("the task is completed", func() bool { return p.task(id).State == "completed" })
	if took := time.Since(killed); took > 40*time.Second { // much less than a lease
		t.Errorf("it was taken over after %s", took)
	}
	if task := p.task(id); task.Attempt != 2 {
		t.Errorf("attempt %d", task.Attempt)
	}
}
