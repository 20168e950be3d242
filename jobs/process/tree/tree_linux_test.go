package tree

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

func TestReadsAStatus(t *testing.T) {
	t.Parallel()
	// The name of the program is no trouble.
	dir := t.TempDir()
	name := dir + "/a) Z (b"
	if err := os.Symlink("/bin/sleep", name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	status, err := Read(pid)
	if want := (Status{Parent: os.Getpid(), Group: pid, Session: pid, Threads: 1}); err != nil || status != want {
		t.Errorf("%+v, %v", status, err)
	}
	if !slices.Contains(Children(os.Getpid()), pid) || !slices.Contains(scan(os.Getpid()), pid) {
		t.Errorf("not a child: %v, %v", Children(os.Getpid()), scan(os.Getpid()))
	}
	var killer Killer
	killer.KillTree(pid)
	killer.KillTree(pid)
	if killer.Count() != 1 {
		t.Errorf("killed %d", killer.Count())
	}
	_ = cmd.Wait()
	if _, err := Read(pid); err == nil {
		t.Error("the dead have a status")
	}
}
