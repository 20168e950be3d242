package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"freshet/jobs/process/sandbox"
)

func needSandbox(t *testing.T) {
	t.Helper()
	if err := sandbox.Supported(sandbox.Rules{Ports: []int{443}}); err != nil {
		t.Skipf("not tried: %v", err)
	}
}

// What a sandbox names must be there before a worker takes tasks that need it.
func TestWorkerRefusesASandboxThatCannotBe(t *testing.T) {
	t.Parallel()
	needSandbox(t)
	workspaces := filepath.Join(t.TempDir(), "workspaces")
	holder := filepath.Dir(workspaces)
	for rules, says := range map[string]string{
		"{read: [assets]}":          "kind spy: sandbox: stat %/assets: no such file or directory",
		"{write: [" + holder + "]}": "kind spy: sandbox: " + holder + " holds the workspaces of all tasks, which are in " + workspaces,
		"{write: [out]}":            "DATABASE_URL is not set",
	} {
		p := newProgram(t, "kinds: [{name: spy, command: [\"true\"], sandbox: "+rules+"}]\n")
		if err := os.Mkdir(filepath.Join(p.folder, "out"), 0o755); err != nil {
			t.Fatal(err)
		}
		says = strings.ReplaceAll(says, "%", p.folder)
		r := p.must(78, "worker", "--allow-root-children", "--workspaces", workspaces)
		if !strings.Contains(r.stderr, says) {
			t.Errorf("%s: a worker says %s", rules, r.stderr)
		}
		if !strings.Contains(rules, "assets") {
			continue
		}
		if r := p.must(78, "up", "--allow-root-children", "--api", "0"); !strings.Contains(r.stderr, says) {
			t.Errorf("%s: up says %s", rules, r.stderr)
		}
		if r := p.client("doctor"); !strings.Contains(r.stdout, "warn  sandboxes of pool default\n      a worker started here would refuse: ") {
			t.Errorf("%s: doctor says %s", rules, r.stdout)
		}
	}
}

func TestDoctorKnowsSandboxes(t *testing.T) {
	t.Parallel()
	needSandbox(t)
	for rules, says := range map[string]bool{"false": false, "true": true} {
		p := newProgram(t, "kinds: [{name: spy, command: [\"true\"], sandbox: "+rules+"}]\n")
		if r := p.client("doctor"); strings.Contains(r.stdout, "sandboxes of commands") != says {
			t.Errorf("sandbox: %s: doctor says %s", rules, r.stdout)
		}
	}
}

// The whole program: what dev keeps in the project is closed, and
// without a sandbox it is not.
func TestSandboxedRun(t *testing.T) {
	t.Parallel()
	needSandbox(t)
	const spy = `
  - name: NAME
    command: [sh, -c, 'cat code "$FRESHET_INPUT"; cat .env .freshet/secret 2>/dev/null; echo made > out/file; echo "{\"output\":{\"done\":true}}" >> "$FRESHET_EVENTS"']
`
	p := newProgram(t, "kinds:"+strings.ReplaceAll(spy, "NAME", "open")+strings.ReplaceAll(spy, "NAME", "boxed")+"    sandbox: {write: [out], network: none}\n")
	for name, text := range map[string]string{"code": "code\n", ".env": "A=hunter2\n", ".freshet/secret": "hunter2\n", "out/file": ""} {
		path := filepath.Join(p.folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := p.must(0, "run", "boxed"); r.stdout != "code\n{}{\"done\":true}\n" {
		t.Errorf("in a sandbox: %q, %q", r.stdout, r.stderr)
	}
	if made, err := os.ReadFile(filepath.Join(p.folder, "out", "file")); string(made) != "made\n" {
		t.Errorf("%q, %v", made, err)
	}
	if r := p.must(0, "run", "open"); !strings.Contains(r.stdout, "hunter2\nhunter2\n") {
		t.Errorf("without: %q, %q", r.stdout, r.stderr)
	}
}
