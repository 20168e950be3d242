package runner_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/process/sandbox"
)

// inSandbox gives a bench a sandbox, a project with a secret, and a workspace of another task beside it.
func (b *bench) inSandbox(s jobs.Sandbox) *bench {
	b.t.Helper()
	if err := sandbox.Supported(sandbox.Rules{Ports: s.Ports}); err != nil {
		b.t.Skipf("not tried: %v", err)
	}
	b.spec.Sandbox, b.spec.Timeout = &s, 5*time.Minute // browsers are slow on a busy machine
	b.write(filepath.Join(b.host.Project, "module.mjs"), `export const word = "module"`+"\n")
	b.write(filepath.Join(b.host.Project, ".env"), "SECRET=hunter2\n")
	b.write(filepath.Join(b.host.Project, ".freshet/api-key"), "hunter2\n")
	b.write(filepath.Join(b.host.Root, "000000000000001-1/input.json"), `{"whose":"hunter2"}`+"\n")
	return b
}

// runBeside runs the attempt beside the workspace of the other task.
func (b *bench) runBeside(ctx context.Context) jobs.Ending {
	b.t.Helper()
	k, err := kind.Compile(b.spec)
	if err != nil {
		b.t.Fatal(err)
	}
	ending, err := b.host.Run(ctx, b.claim, k)
	if err != nil {
		b.t.Fatal(err)
	}
	return ending
}

func (b *bench) write(path, text string) {
	b.t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// spy looks for what is not its own, and does its work.
const spy = `
	exec 2>/dev/null
	cat .env .freshet/api-key "$FRESHET_WORKSPACE/../../000000000000001-1/input.json" && echo all read
	cat "$FRESHET_WORKSPACE/../../000000000000001-1/input.json"
	echo changed > "$FRESHET_WORKSPACE/../../000000000000001-1/input.json" && echo changed
	ls "$FRESHET_WORKSPACE/../.." && echo listed
	[ "$HOME" = "$TMPDIR" ] || cat "$HOME/.secret"
	cat module.mjs "$FRESHET_INPUT"; echo
	echo kept > "$FRESHET_ARTIFACTS/file.txt"; echo more > "$TMPDIR/x"; echo own > "$FRESHET_WORKSPACE/y"
	mv "$TMPDIR/x" "$FRESHET_ARTIFACTS/moved.txt"
	echo '{"output":{"done":true}}' >> "$FRESHET_EVENTS"`

const honest = `export const word = "module"` + "\n" + `{"name":"x y"}` + "\n"

func wantWork(t *testing.T, b *bench, ending jobs.Ending) {
	t.Helper()
	wantCompleted(t, ending)
	if b.sink.artifacts["file.txt"].content != "kept\n" || b.sink.artifacts["moved.txt"].content != "more\n" || string(ending.Output) != `{"done":true}` {
		t.Errorf("artifacts %v, output %s", sortedNames(b.sink.artifacts), ending.Output)
	}
}

func TestSandboxedCommand(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(spy).inSandbox(jobs.Sandbox{})
	wantWork(t, b, b.runBeside(t.Context()))
	if got := b.sink.text(jobs.Stdout); got != honest {
		t.Errorf("stdout %q; want %q", got, honest)
	}
	other, err := os.ReadFile(filepath.Join(b.host.Root, "000000000000001-1/input.json"))
	if err != nil || string(other) != `{"whose":"hunter2"}`+"\n" {
		t.Errorf("the other workspace is %q, %v", other, err)
	}
}

// The same without a sandbox sees it all: else the test above would say nothing.
func TestCommandWithoutASandbox(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(spy).inSandbox(jobs.Sandbox{})
	b.spec.Sandbox = nil
	wantWork(t, b, b.runBeside(t.Context()))
	got := b.sink.text(jobs.Stdout)
	for _, seen := range []string{"SECRET=hunter2\nhunter2\n", "all read\n", `{"whose":"hunter2"}`, "\nchanged\n", "\nlisted\n"} {
		if !strings.Contains(got, seen) {
			t.Errorf("%q is not in %q", seen, got)
		}
	}
}

func TestSandboxedCommandOfAnotherUser(t *testing.T) {
	t.Parallel()
	b := newForeign(t).sh("cd " + os.TempDir() + "; echo 'export const word = \"module\"' > $TMPDIR/module.mjs; cd $TMPDIR; id -u; " + spy).inSandbox(jobs.Sandbox{})
	wantWork(t, b, b.runBeside(t.Context()))
	if got := b.sink.text(jobs.Stdout); got != "61234\n"+honest {
		t.Errorf("stdout %q", got)
	}
}

func TestSandboxIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`true`).inSandbox(jobs.Sandbox{Read: []string{"none"}})
	missing := filepath.Join(b.host.Project, "none")
	wantFailure(t, b.runBeside(t.Context()), jobs.CodeNotStarted, "sandbox: open "+missing+": no such file or directory")
	holder := filepath.Dir(b.host.Root)
	for name, test := range map[string]struct {
		sandbox jobs.Sandbox
		cwd     string
		says    string
	}{
		"good":                            {jobs.Sandbox{Read: []string{".env", "/etc"}, Write: []string{".freshet"}}, jobs.CwdProject, ""},
		"a workspace":                     {jobs.Sandbox{}, jobs.CwdWorkspace, ""},
		"a file that is missing":          {jobs.Sandbox{Read: []string{"none"}}, jobs.CwdProject, "sandbox: stat " + missing + ": no such file or directory"},
		"a folder that is missing":        {jobs.Sandbox{Write: []string{missing}}, jobs.CwdProject, "sandbox: stat " + missing + ": no such file or directory"},
		"the workspaces":                  {jobs.Sandbox{Read: []string{b.host.Root}}, jobs.CwdProject, "sandbox: " + b.host.Root + " holds the workspaces of all tasks"},
		"what holds the workspaces":       {jobs.Sandbox{Write: []string{holder}}, jobs.CwdProject, "sandbox: " + holder + " holds the workspaces of all tasks"},
		"a way around to the workspaces":  {jobs.Sandbox{Read: []string{holder + "/x/../" + filepath.Base(b.host.Root)}}, jobs.CwdProject, "holds the workspaces of all tasks"},
		"a link to the workspaces":        {jobs.Sandbox{Read: []string{"link"}}, jobs.CwdProject, "holds the workspaces of all tasks"},
		"a cwd that holds the workspaces": {jobs.Sandbox{}, holder, "sandbox: " + holder + " holds the workspaces of all tasks"},
		"everything":                      {jobs.Sandbox{}, "/", "sandbox: / holds the workspaces of all tasks"},
	} {
		_ = os.Symlink(holder, filepath.Join(b.host.Project, "link"))
		k := b.spec
		k.Sandbox, k.Cwd = &test.sandbox, test.cwd
		err := b.host.CheckSandbox(k)
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An attempt is refused, and not only the start of a worker: a task may have an older revision of its kind.
func TestSandboxThatHoldsTheWorkspacesIsNotRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`echo ran`).inSandbox(jobs.Sandbox{})
	b.spec.Sandbox.Read = []string{b.host.Root}
	wantFailure(t, b.runBeside(t.Context()), jobs.CodeNotStarted, "holds the workspaces of all tasks")
	if got := b.sink.text(jobs.Stdout); got != "" {
		t.Errorf("stdout %q", got)
	}
}

// loopback listens, in the place of a cloud's metadata address.
func loopback(t *testing.T) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}

// Programs that people use run in a sandbox, and do not get out of it.
func TestProgramsInASandbox(t *testing.T) {
	t.Parallel()
	port := loopback(t)
	for name, test := range map[string]struct {
		command []string
		want    string // what it says of itself, and of a connection and a secret
	}{
		"bash": {[]string{"bash", "-c", `
			diff <(echo a) <(echo a) && echo "bash $(date -u +%Y | wc -c)"
			(exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null && echo connected || echo closed
			(cat .env) 2>/dev/null || echo no secret`}, "bash 5\nclosed\nno secret\n"},
		"node": {[]string{"node", "-e", `
			import("./module.mjs").then(async ({word}) => {
				const child = require("child_process").execFileSync("node", ["-p", "1+1"]).toString().trim()
				console.log(word, child, require("os").cpus().length > 0)
				await new Promise((done) => require("net").connect(+process.env.PORT, "127.0.0.1")
					.on("connect", () => done(console.log("connected"))).on("error", () => done(console.log("closed"))))
				try { require("fs").readFileSync(".env"); console.log("secret") } catch { console.log("no secret") }
				process.exit()
			})`}, "module 2 true\nclosed\nno secret\n"},
		"python": {[]string{"python3", "-c", `
import os, socket, subprocess, sys, tempfile, threading
sys.path.insert(0, os.getcwd())
import helper
print(helper.word, subprocess.check_output(["echo", "child"], text=True).strip(), tempfile.TemporaryFile().write(b"x"), flush=True)
try: socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))); print("connected")
except OSError: print("closed")
try: open(".env"); print("secret")
except OSError: print("no secret")`}, "python child 1\nclosed\nno secret\n"},
		"git": {[]string{"sh", "-c", `
			cd "$FRESHET_WORKSPACE" && git init -q repo && cd repo && echo a > a && git add a &&
			git -c user.name=a -c user.email=a@example.com commit -qm one && git log --format=%s && git clone -q . ../copy && cat ../copy/a
			git ls-remote http://127.0.0.1:$PORT/ 2>/dev/null && echo connected || echo closed`}, "one\na\nclosed\n"},
	} {
		for network, ports := range map[string][]int{"none": {}, "a port": {1}} {
			t.Run(name+" with "+network, func(t *testing.T) {
				t.Parallel()
				if _, err := exec.LookPath(test.command[0]); err != nil {
					t.Skip("not tried: " + err.Error())
				}
				b := newBench(t, "").inSandbox(jobs.Sandbox{Ports: ports})
				b.write(filepath.Join(b.host.Project, "helper.py"), `word = "python"`)
				b.spec.Command, b.spec.Env = test.command, map[string]string{"PORT": strconv.Itoa(port)}
				b.host.ShowEnv["test"] = []string{"PORT"}
				wantCompleted(t, b.runBeside(t.Context()))
				if got := b.sink.text(jobs.Stdout); got != test.want {
					t.Errorf("stdout %q, stderr %q", got, b.sink.text(jobs.Stderr))
				}
			})
		}
	}
}

// A browser wants to see its own processes, for which it takes all of /proc. Those of others stay closed to it, but
// for their names.
func TestBrowserInASandbox(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("not tried: " + err.Error())
	}
	b := newBench(t, "").inSandbox(jobs.Sandbox{Read: []string{"/proc"}, Ports: []int{}})
	b.write(filepath.Join(b.host.Project, "page.html"), `<h1>A page</h1>`)
	b.sh(`"$BROWSER" --headless --no-sandbox --disable-gpu --user-data-dir="$TMPDIR/profile" \
		--print-to-pdf="$FRESHET_ARTIFACTS/page.pdf" "file://$PWD/page.html" 2>&1 && (cat .env /proc/1/environ "/proc/$PPID/environ" 2>/dev/null; true)`)
	b.spec.Env["BROWSER"] = browser
	b.host.ShowEnv["test"] = append(b.host.ShowEnv["test"], "BROWSER")
	wantCompleted(t, b.runBeside(t.Context()))
	if !strings.HasPrefix(b.sink.artifacts["page.pdf"].content, "%PDF-") || strings.Contains(b.sink.text(jobs.Stdout), "hunter2") {
		t.Errorf("artifacts %v, said %s", sortedNames(b.sink.artifacts), b.sink.text(jobs.Stdout))
	}
}

// A kind is stored with its sandbox: no network is not the same as any.
func TestSandboxSurvivesStorage(t *testing.T) {
	t.Parallel()
	for _, ports := range [][]int{nil, {}, {443}} {
		stored, err := json.Marshal(jobs.Kind{Name: "a", Sandbox: &jobs.Sandbox{Ports: ports}})
		if err != nil {
			t.Fatal(err)
		}
		var k jobs.Kind
		if err := json.Unmarshal(stored, &k); err != nil {
			t.Fatal(err)
		}
		if got := k.Sandbox.Ports; (got == nil) != (ports == nil) || len(got) != len(ports) {
			t.Errorf("%#v becomes %#v", ports, got)
		}
	}
}
