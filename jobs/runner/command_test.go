package runner_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"freshet/jobs"
	"freshet/jobs/runner"
)

// seen is what the role "environment" sees.
type seen struct {
	Env    []string `json:"env"`
	Args   []string `json:"args"`
	Folder string   `json:"folder"`
}

func look(t *testing.T, b *bench) seen {
	t.Helper()
	ending := b.run(t.Context())
	wantCompleted(t, ending)
	var s seen
	if err := json.Unmarshal(ending.Output, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEnvironmentIsWhatWasNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t, "environment", "--", "{{input.name}}", "{{input.missing}}")
	worker := map[string]string{
		"PATH": "/usr/bin:/bin", "HOME": "/home/worker", "LANG": "C.UTF-8", "TZ": "Asia/Tokyo", "TMPDIR": "/of/the/worker",
		"SECRET": "s3cret", "PASSED": "yes", "SHARED": "of the worker", "FRESHET_OWNER": "mallory",
	}
	b.host.Lookup = func(name string) (string, bool) { value, found := worker[name]; return value, found }
	b.host.PassEnv = map[string][]string{"test": {"PASSED", "SHARED", "UNSET", "FRESHET_OWNER"}, "other": {"SECRET"}}
	b.spec.Env["MODE"] = "${PASSED}-${UNSET:-default}"
	b.spec.Env["SHARED"] = "of the kind"
	b.host.ShowEnv["test"] = append(b.host.ShowEnv["test"], "SHARED", "MODE")
	s := look(t, b)
	space := b.file("")
	want := []string{
		"PATH=/usr/bin:/bin", "HOME=/home/worker", "LANG=C.UTF-8", "TZ=Asia/Tokyo", "TMPDIR=" + space + "/tmp",
		"PASSED=yes", "MODE=yes-default", "SHARED=of the kind", roleVariable + "=environment",
		"FRESHET_TASK_ID=" + b.claim.TaskID.String(), "FRESHET_KIND=test", "FRESHET_ATTEMPT=2", "FRESHET_OWNER=alice",
		"FRESHET_INPUT=" + space + "/input.json", "FRESHET_WORKSPACE=" + space + "/work",
		"FRESHET_ARTIFACTS=" + space + "/artifacts", "FRESHET_EVENTS=" + space + "/events",
	}
	slices.Sort(want)
	slices.Sort(s.Env)
	if !slices.Equal(s.Env, want) {
		t.Errorf("environment\n%s\nwant\n%s", strings.Join(s.Env, "\n"), strings.Join(want, "\n"))
	}
	if want := []string{"--", "x y"}; !slices.Equal(s.Args, want) {
		t.Errorf("arguments %q; want %q", s.Args, want)
	}
}

func TestPathHasADefault(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`echo $PATH`)
	b.host.Lookup = nil
	wantCompleted(t, b.run(t.Context()))
	if path := b.sink.text(jobs.Stdout); !strings.Contains(path, "/usr/bin") {
		t.Errorf("PATH %q", path)
	}
}

func TestWorkingFolder(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	tests := map[string]struct {
		cwd  string
		want func(b *bench) string
	}{
		"project":   {jobs.CwdProject, func(b *bench) string { return b.host.Project }},
		"none":      {"", func(b *bench) string { return b.host.Project }},
		"workspace": {jobs.CwdWorkspace, func(b *bench) string { return b.file("work") }},
		"relative":  {"sub/folder", func(b *bench) string { return filepath.Join(b.host.Project, "sub/folder") }},
		"absolute":  {elsewhere, func(*bench) string { return elsewhere }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "environment")
			b.spec.Cwd = test.cwd
			if err := os.MkdirAll(filepath.Join(b.host.Project, "sub/folder"), 0o700); err != nil {
				t.Fatal(err)
			}
			if got, want := look(t, b).Folder, test.want(b); got != want {
				t.Errorf("ran in %s; want %s", got, want)
			}
		})
	}
}

func TestInputFile(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{`{"a":[1,2]}`: `{"a":[1,2]}`, "": "{}"} {
		b := newBench(t, "").sh(`cat "$FRESHET_INPUT"; ls -A "$FRESHET_WORKSPACE" "$FRESHET_ARTIFACTS" "$TMPDIR" | grep -v : | grep . >&2 || true; stat -c %a "$FRESHET_WORKSPACE/.." >&2`)
		b.claim.Input = json.RawMessage(input)
		wantCompleted(t, b.run(t.Context()))
		if got := b.sink.text(jobs.Stdout); got != want {
			t.Errorf("input file %q; want %q", got, want)
		}
		if got := b.sink.text(jobs.Stderr); got != "700\n" {
			t.Errorf("folders that should be empty, and the mode of the workspace: %q", got)
		}
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`echo up; while [ ! -e "$FRESHET_WORKSPACE/go" ]; do sleep 0.05; done`)
	root := b.host.Root
	dead := filepath.Join(root, "000000000000001-3")
	foreign := filepath.Join(root, "keep-me")
	for _, folder := range []string{filepath.Join(dead, "work", "locked", "inner"), foreign} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dead, "work", "locked"), 0o500); err != nil {
		t.Fatal(err)
	}
	wait := b.begin(t.Context())
	b.sink.await("the command", func() bool { return b.sink.text(jobs.Stdout) == "up\n" })
	if err := (&runner.Host{Root: root}).Sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dead); !os.IsNotExist(err) {
		t.Errorf("the dead attempt's workspace: %v", err)
	}
	if err := os.Remove(foreign); err != nil {
		t.Errorf("a folder that is no workspace was swept: %v", err)
	}
	living := b.file("work/go")
	if err := os.WriteFile(living, nil, 0o600); err != nil {
		t.Fatalf("the living attempt's workspace: %v", err)
	}
	ending, err := wait()
	if err != nil {
		t.Fatal(err)
	}
	wantCompleted(t, ending)
}

// Folders without the right to write are no obstacle to a worker that is not root either.
func TestSweepWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may become somebody else")
	}
	const nobody = 65534
	root, err := os.MkdirTemp("", "sweep-") //nolint:usetesting // others may not enter the test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	dead := filepath.Join(root, "000000000000001-3")
	locked := filepath.Join(dead, "work", "cache", "module")
	if err := os.MkdirAll(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{locked, filepath.Dir(locked), filepath.Dir(filepath.Dir(locked)), dead, root} {
		mode := os.FileMode(0o500)
		if folder == root {
			mode = 0o700
		}
		if err := errors.Join(os.Chown(folder, nobody, nobody), os.Chmod(folder, mode)); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	sweep := exec.Command("/proc/self/fd/3", root) // by descriptor, for the folder of the binary is root's
	sweep.ExtraFiles = []*os.File{self}
	sweep.Env, sweep.Dir = []string{roleVariable + "=sweep"}, "/"
	sweep.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if said, err := sweep.CombinedOutput(); err != nil {
		t.Fatalf("sweep: %v, %s", err, said)
	}
	if _, err := os.Lstat(dead); !os.IsNotExist(err) {
		t.Errorf("the dead attempt's workspace: %v", err)
	}
}

func TestSweepOfNothing(t *testing.T) {
	t.Parallel()
	if err := (&runner.Host{Root: filepath.Join(t.TempDir(), "never-made")}).Sweep(); err != nil {
		t.Error(err)
	}
}

// What a dead worker left of the very same attempt is replaced.
func TestLeftoverOfTheSameAttempt(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`ls -A "$FRESHET_WORKSPACE"`)
	old := b.file("work/old")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	wantCompleted(t, b.run(t.Context()))
	if text := b.sink.text(jobs.Stdout); text != "" {
		t.Errorf("found in the workspace: %q", text)
	}
}
