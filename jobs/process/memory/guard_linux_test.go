package memory

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestFindsThePlaces(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for dir, control := range map[string]string{"v2/system/freshet": "cpu memory pids", "v2/system/freshet/worker": "", "v2/plain/own": "cpu"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "cgroup.subtree_control"), []byte(control+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v2mount := "41 31 0:38 / " + root + "/v2 rw,relatime - cgroup2 cgroup2 rw\n"
	v1mounts := "32 31 0:29 / " + root + "/cpu rw - cgroup cgroup rw,cpu\n35 31 0:32 /outer " + root + "/mem rw shared:9 - cgroup cgroup rw,memory\n"
	for name, test := range map[string]struct {
		groups, mounts string
		want           []place
	}{
		"own group hands it down":     {"0::/system/freshet\n", v2mount, []place{{root + "/v2/system/freshet", true}}},
		"the one above hands it down": {"0::/system/freshet/worker\n", v2mount, []place{{root + "/v2/system/freshet", true}}},
		"nobody hands it down":        {"0::/plain/own\n", v2mount, nil},
		"v1, mounted from below":      {"4:memory:/outer/own\n1:cpu:/x\n", v1mounts, []place{{root + "/mem/own", false}}},
		"v1, not visible":             {"4:memory:/elsewhere\n", v1mounts, nil},
		"hybrid prefers v2":           {"4:memory:/outer\n0::/system/freshet\n", v1mounts + v2mount, []place{{root + "/v2/system/freshet", true}, {root + "/mem", false}}},
		"v1 with several controllers": {"4:cpu,memory:/outer\n", v1mounts, []place{{root + "/mem", false}}},
		"nothing":                     {"", "", nil},
	} {
		if got := find(test.groups, test.mounts); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// A v2 group takes in what is forked between Enter and Leave. Limits need the controller; the place does not.
func TestEntersAGroupOfTheUnifiedHierarchy(t *testing.T) {
	t.Parallel()
	own := ownUnified(t)
	dir := filepath.Join(own, name(os.Getpid())+"-test")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Skipf("no group can be made: %v", err)
	}
	g := &groupV2{dir: dir}
	cmd := exec.Command("cat", "/proc/self/cgroup")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if err := g.Enter(cmd.SysProcAttr); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.Output()
	g.Leave()
	if err != nil || !strings.Contains(string(out), filepath.Base(dir)) {
		t.Errorf("child is in %q: %v", out, err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

func ownUnified(t *testing.T) string {
	t.Helper()
	groups, _ := os.ReadFile("/proc/self/cgroup")
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(groups)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			if dirs := located(string(mounts), "cgroup2", "", path); len(dirs) > 0 {
				return dirs[0]
			}
		}
	}
	t.Skip("no unified hierarchy")
	return ""
}

// A group is entered by what is forked inside, is seen to kill, and is removed.
func TestKernelHoldsTheLimit(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := New(32 << 20)
	if _, watched := g.(*watch); watched {
		t.Skip("no control group with a memory limit can be made here")
	}
	cmd := exec.Command("sh", "-c", `x=$(head -c 200000000 /dev/zero | tr '\0' x); echo "${#x}"`)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if err := g.Enter(cmd.SysProcAttr); err != nil {
		t.Fatal(err)
	}
	err := cmd.Start()
	g.Leave()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !g.Exceeded() {
		t.Errorf("lived: %v, exceeded %v", err, g.Exceeded())
	}
	here, err := os.ReadFile("/proc/thread-self/cgroup")
	if err != nil || strings.Contains(string(here), "/freshet-") {
		t.Errorf("this thread is still inside: %s", here)
	}
	Remove(os.Getpid())
	for _, p := range places() {
		if _, err := os.Stat(filepath.Join(p.dir, name(os.Getpid()))); err == nil {
			t.Errorf("%s was left", p.dir)
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if !Watch(os.Getpid(), 1).Exceeded() || Watch(os.Getpid(), 1<<40).Exceeded() {
		t.Error("one byte is too much for a process, and a terabyte is not")
	}
	if pss, rss := proportional(cmd.Process.Pid), resident(cmd.Process.Pid); pss == 0 || pss > rss {
		t.Errorf("proportional %d, resident %d", pss, rss)
	}
}
