//go:build linux

package process

import (
	"errors"
	"os"
	"testing"
)

func TestBirthTellsProcessesApart(t *testing.T) {
	t.Parallel()
	mine, err := Birth(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Birth(os.Getpid()); err != nil || again != mine {
		t.Errorf("%q, then %q, %v", mine, again, err)
	}
	if first, err := Birth(1); err != nil || first == mine {
		t.Errorf("process 1: %q, %v; this one: %q", first, err, mine)
	}
	s, _ := daemonScript(t, "exit 0")
	d, err := StartDaemon(s)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Wait()
	if birth, err := Birth(d.PID()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead were born %q, %v", birth, err)
	}
}

// What is handed to a daemon stands at descriptor 3.
func TestDaemonFiles(t *testing.T) {
	t.Parallel()
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if _, err := ours.WriteString("handed down\n"); err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	s, _ := daemonScript(t, "cat <&3")
	out := &watched{}
	s.Stdout, s.Files = out, []*os.File{theirs}
	d, err := StartDaemon(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(); err != nil || out.String() != "handed down\n" {
		t.Errorf("%v, wrote %q", err, out)
	}
}
