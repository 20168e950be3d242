package limit

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFindsThePlaces(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for dir, control := range map[string]string{"v2/system/freshet": "cpu memory pids", "v2/system/freshet/worker": "", "v2/plain/own": "cpu", "v2/some/own": "pids"} {
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
		"own group hands it down":         {"0::/system/freshet\n", v2mount, []place{{root + "/v2/system/freshet", true, true, true}}},
		"the one above hands it down":     {"0::/system/freshet/worker\n", v2mount, []place{{root + "/v2/system/freshet", true, true, true}}},
		"processes alone are handed down": {"0::/some/own\n", v2mount, []place{{root + "/v2/some/own", true, false, true}}},
		"nobody hands it down":            {"0::/plain/own\n", v2mount, nil},
		"v1, mounted from below":          {"4:memory:/outer/own\n1:cpu:/x\n", v1mounts, []place{{root + "/mem/own", false, true, false}}},
		"v1, not visible":                 {"4:memory:/elsewhere\n", v1mounts, nil},
		"hybrid prefers v2":               {"4:memory:/outer\n0::/system/freshet\n", v1mounts + v2mount, []place{{root + "/v2/system/freshet", true, true, true}, {root + "/mem", false, true, false}}},
		"v1 with several controllers":     {"4:cpu,memory:/outer\n", v1mounts, []place{{root + "/mem", false, true, false}}},
		"nothing":                         {"", "", nil},
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
	g := New(Limits{Memory: 32 << 20})
	if watched(g) {
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
	if err := cmd.Wait(); err == nil || g.Exceeded() != Memory {
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
	for limits, want := range map[Limits]Excess{
		{Memory: 1}: Memory, {Memory: 1 << 40}: None, {Processes: 1000}: None, {Memory: 1 << 40, Processes: 1000}: None, {}: None,
	} {
		if got := Watch(os.Getpid(), limits).Exceeded(); got != want {
			t.Errorf("%+v: %v, want %v", limits, got, want)
		}
	}
	if pss, rss := proportional(cmd.Process.Pid), resident(cmd.Process.Pid); pss == 0 || pss > rss {
		t.Errorf("proportional %d, resident %d", pss, rss)
	}
}

// watched tells whether a guard is no control group's.
func watched(g Guard) bool {
	all, several := g.(guards)
	if several {
		return slices.ContainsFunc(all, watched)
	}
	_, is := g.(*watch)
	return is
}

// The files of the pids controller are the same in both hierarchies. Where it is in the first one, its
// groups stand in for those of the second, except that a process enters by itself.
func TestKernelHoldsTheNumberInAGroupOfTheFirstHierarchy(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("/sys/fs/cgroup/pids", name(os.Getpid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Skipf("no group can be made: %v", err)
	}
	g := &groupV2{dir: dir}
	defer func() { // what the shell left behind ends soon
		for deadline := time.Now().Add(10 * time.Second); g.Close() != nil; {
			if time.Now().After(deadline) {
				t.Errorf("%s cannot be removed", dir)
				return
			}
		}
	}()
	if err := g.limit(Limits{Processes: 10}); err != nil {
		t.Fatal(err)
	}
	sleepers := func(n string) error {
		return exec.Command("sh", "-c", `echo $$ > "$0/cgroup.procs"; for i in $(seq $1); do sleep 0.1 & done; wait`, dir, n).Run()
	}
	if err := sleepers("5"); err != nil || g.Exceeded() != None {
		t.Errorf("five: %v, exceeded %v", err, g.Exceeded())
	}
	if err := sleepers("15"); err == nil || g.Exceeded() != Processes {
		t.Errorf("fifteen: %v, exceeded %v", err, g.Exceeded())
	}
}

// Each limit is held by the best place that can hold it.
func TestLimitsAreShared(t *testing.T) {
	t.Parallel()
	both := Limits{Memory: 1 << 20, Processes: 9}
	for name, test := range map[string]struct {
		place       place
		share, rest Limits
	}{
		"both":      {place{v2: true, memory: true, pids: true}, both, Limits{}},
		"memory":    {place{memory: true}, Limits{Memory: 1 << 20}, Limits{Processes: 9}},
		"processes": {place{v2: true, pids: true}, Limits{Processes: 9}, Limits{Memory: 1 << 20}},
	} {
		if share, rest := test.place.share(both); share != test.share || rest != test.rest {
			t.Errorf("%s: %+v and %+v", name, share, rest)
		}
	}
}
