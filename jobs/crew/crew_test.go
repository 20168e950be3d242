//go:build linux

package crew

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/process"
)

func TestInstancesRunAndEnd(t *testing.T) {
	t.Parallel()
	r := open(t, Config{}).begin(acting("duty", 2, "duty"))
	r.until("both are ready", func() bool { return r.are(Ready, Ready) })
	if _, err := Open(Config{Folder: r.Folder, Logs: r.Logs}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second supervisor: %v", err)
	}
	before := r.Status()
	if err := r.Reload(t.Context(), acting("duty", 3, "duty")); err != nil {
		t.Fatal(err)
	}
	r.until("three are ready, and the old ones gone", func() bool { return r.are(Ready, Ready, Ready) })
	for i, status := range r.Status() {
		if alive(before[min(i, 1)].PID) {
			t.Errorf("process %d of before is alive", before[min(i, 1)].PID)
		}
		log, err := os.ReadFile(filepath.Join(r.Logs, fmt.Sprintf("duty-%d.log", i)))
		if err != nil || !strings.Contains("\n"+string(log), fmt.Sprintf("\ninstance %d\n", i)) ||
			!strings.Contains(string(log), fmt.Sprintf(`"pid":%d`, status.PID)) {
			t.Errorf("log of instance %d: %s, %v", i, log, err)
		}
	}
	after := r.Status()
	r.stop()
	for _, status := range after {
		if alive(status.PID) {
			t.Errorf("process %d outlives its crew", status.PID)
		}
	}
	if left, err := r.readRegister(); err != nil || len(left) != 0 {
		t.Errorf("the register names %v, %v", left, err)
	}
}

func TestARealCrashLoopDoesNotSpin(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	deaths := map[uuid.UUID]error{}
	r := open(t, Config{Died: func(_ context.Context, id uuid.UUID, end error) error {
		mu.Lock()
		defer mu.Unlock()
		deaths[id] = end
		return nil
	}}).begin(acting("broken", 1, "exit", "3"))
	deadline := time.After(3 * time.Second)
	<-deadline
	r.stop()
	starts := strings.Count(r.seen.text(), ": starts\n")
	if starts < 2 || starts > 4 {
		t.Errorf("%d starts in three seconds", starts)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(deaths) != starts {
		t.Errorf("%d deaths were told of %d starts", len(deaths), starts)
	}
	for _, end := range deaths {
		var exit *process.ExitError
		if !errors.As(end, &exit) || exit.Code != 3 {
			t.Errorf("told: %v", end)
		}
	}
}

func TestExitCodesThatEnd(t *testing.T) {
	t.Parallel()
	r := open(t, Config{}).begin(acting("done", 1, "exit", "0"), acting("wrong", 1, "exit", "78"),
		Program{Name: "z", Instances: 1, Command: func(uuid.UUID, int) process.DaemonSpec {
			return process.DaemonSpec{Args: []string{"/no/such"}}
		}})
	r.until("both have ended", func() bool { return r.are(Stopped, Errored, Backoff) })
	if all := r.Status(); all[0].Error != "" || all[1].Error != "exit code 78" || all[1].Retry != nil || !strings.Contains(all[2].Error, "not found") {
		t.Errorf("%+v", all)
	}
}

func TestAReloadThatFailsKeepsWhatRuns(t *testing.T) {
	t.Parallel()
	r := open(t, Config{}).begin(acting("p", 1, "duty"))
	r.until("it is ready", func() bool { return r.are(Ready) })
	before := r.Status()[0].PID
	slow := acting("p", 1, "never ready")
	slow.ReadyWithin = 200 * time.Millisecond
	if err := r.Reload(t.Context(), slow); !errors.Is(err, errNotReady) {
		t.Errorf("reload: %v", err)
	}
	if err := r.Reload(t.Context(), acting("p", 1, "duty"), acting("q", 1, "exit", "1")); err == nil {
		t.Error("a new program that fails is no error")
	}
	r.until("the first reload's process is gone", func() bool { return r.are(Ready) })
	if after := r.Status()[0]; after.PID == before || !alive(after.PID) {
		t.Errorf("%+v, before %d", after, before)
	}
}

func TestTheStubbornAreKilled(t *testing.T) {
	t.Parallel()
	r := open(t, Config{}).begin(acting("p", 1, "stubborn"), acting("q", 1, "stubborn"))
	r.until("they are ready", func() bool { return r.are(Ready, Ready) })
	pid := r.Status()[0].PID
	if err := r.Crew.Stop(t.Context(), "p"); err != nil || alive(pid) || !r.are(Stopped, Ready) {
		t.Errorf("%v, %+v", err, r.Status())
	}
	r.Kill()
	r.until("the other one is killed", func() bool { return strings.Contains(r.seen.text(), "ended by SIGKILL") })
}

func TestAFrozenProcessIsReplaced(t *testing.T) {
	t.Parallel()
	r := open(t, Config{Watchdog: 2 * time.Second}).begin(acting("p", 1, "duty"))
	r.until("it is ready", func() bool { return r.are(Ready) })
	frozen := r.Status()[0].PID
	if err := syscall.Kill(frozen, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r.until("another one is ready", func() bool { return r.are(Ready) && r.Status()[0].PID != frozen })
	if alive(frozen) || !strings.Contains(r.seen.text(), errHung.Error()) {
		t.Error(r.seen.text())
	}
}

func TestWhatIsTooLargeIsReplaced(t *testing.T) {
	t.Parallel()
	hog := acting("hog", 1, "hog")
	hog.Memory = 60 << 20
	r := open(t, Config{}).begin(hog)
	r.until("it is ready", func() bool { return r.are(Ready) })
	first := r.Status()[0].PID
	r.until("another one took its place", func() bool {
		all := r.Status()
		return all[len(all)-1].PID != first && all[len(all)-1].State == Ready && !alive(first)
	})
	if !strings.Contains(r.seen.text(), "holds too much memory") {
		t.Error(r.seen.text())
	}
}

// TestAKilledSupervisorLeavesNothing kills a supervisor of three, two of which ignore SIGTERM. The next
// one on the folder ends what is left, while its own already run, and tells of each that it has ended.
func TestAKilledSupervisorLeavesNothing(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "crew") //nolint:usetesting // paths of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	cmd := exec.Command(os.Args[0], folder)
	cmd.Env = append(os.Environ(), roleVar+"=supervisor")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids := map[string]int{}
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[1] == string(Ready) {
			pids[fields[0]], _ = strconv.Atoi(fields[2])
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if len(pids) != 3 || !alive(pids["two-0"]) || !alive(pids["two-1"]) {
		t.Fatalf("there is nothing to test: %v", pids)
	}
	var told sync.Map
	r := open(t, Config{Folder: folder, Died: func(_ context.Context, id uuid.UUID, end error) error {
		told.Store(id, end)
		return nil
	}}).begin(acting("one", 1, "duty"), acting("two", 2, "duty"))
	r.until("there is one of each", func() bool { return r.are(Ready, Ready, Ready) })
	for name, pid := range pids {
		if alive(pid) {
			t.Errorf("%s of before is alive", name)
		}
	}
	ends := map[string]int{}
	told.Range(func(_, end any) bool { ends[end.(error).Error()]++; return true })
	if ends[errUnseen.Error()] != 1 || ends["ended by SIGKILL"] != 2 {
		t.Errorf("told of %v", ends)
	}
	if text := r.seen.text(); strings.Count(text, "was left by an earlier supervisor") < 2 || !strings.Contains(text, "left, but not well: ended by SIGKILL") {
		t.Error(text)
	}
}

// A process that got the number of one in the register is left alone.
func TestAStrangerIsNotKilled(t *testing.T) {
	t.Parallel()
	r := open(t, Config{})
	defer r.Close()
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	mine, err := process.Birth(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for birth, lives := range map[string]bool{mine: true, mine + "0": false} {
		if err := writeRegister(r.registerPath(), []entry{{Program: "p", PID: stranger.Process.Pid, Birth: birth}}); err != nil {
			t.Fatal(err)
		}
		if found, err := r.readRegister(); err != nil || len(found) != 1 || found[0].lives() != lives {
			t.Errorf("born %s: %v, %v", birth, found, err)
		}
	}
	o := &orphan{entry: entry{PID: stranger.Process.Pid, Birth: "another"}}
	if err := o.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) || !alive(stranger.Process.Pid) {
		t.Error(err)
	}
}

// What ended together with its supervisor, as when a machine loses its power, is told by the next one.
func TestWhatVanishedIsReported(t *testing.T) {
	t.Parallel()
	before := open(t, Config{})
	id := uuid.Must(uuid.NewV7())
	if err := writeRegister(before.registerPath(), []entry{{Program: "p", ID: id, PID: os.Getpid(), Birth: "another"}}); err != nil {
		t.Fatal(err)
	}
	before.Close()
	told := map[uuid.UUID]error{}
	after := open(t, Config{Folder: before.Folder, Died: func(_ context.Context, id uuid.UUID, end error) error {
		told[id] = end
		return nil
	}})
	defer after.Close()
	if len(told) != 1 || !errors.Is(told[id], errUnseen) {
		t.Errorf("told of %v", told)
	}
	if len(after.Status()) != 0 || !strings.Contains(after.seen.text(), "ended with an earlier supervisor") {
		t.Errorf("%+v\n%s", after.Status(), after.seen.text())
	}
}

func TestLogsAreRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p-0.log")
	log, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for n := range keptLogs + 3 {
		if _, err := fmt.Fprintf(log, "the %d. text that is too long\n", n); err != nil {
			t.Fatal(err)
		}
		if err := rotate(path, 10); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.WriteString("short\n"); err != nil {
		t.Fatal(err)
	}
	if err := rotate(path, 10); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{path: "short\n", aside(path, 1): "the 5. ", aside(path, keptLogs): "the 3. "} {
		if text, err := os.ReadFile(name); err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, err := os.Stat(aside(path, keptLogs+1)); err == nil {
		t.Error("too many logs are kept")
	}
}

func TestALongFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	r := open(t, Config{Folder: folder}).begin(acting("p", 1, "duty"))
	r.until("it is ready", func() bool { return r.are(Ready) })
	r.stop()
	if _, err := os.Stat(r.sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of sockets %s is left: %v", r.sockets, err)
	}
}
