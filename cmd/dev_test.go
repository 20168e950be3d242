package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"freshet/cmd/cmdtest"
)

// familyProgram starts a grandchild in a session of its own that ignores SIGTERM, and waits to be let go.
const familyProgram = `env > env.txt
setsid sh -c 'trap "" TERM; echo $$ > grandchild; while :; do sleep 1; done' &
until [ -e go ]; do sleep 0.05; done; exit 7`

// besides starts freshet dev with a program and answers its grandchild.
func besides(t *testing.T) (p *program, grandchild int) {
	t.Helper()
	p = newProgram(t, trueKinds)
	p.env = append(p.env, "FRESHET_API_KEY=of another server")
	p.start("--", "sh", "-c", familyProgram)
	p.until("the program's grandchild runs", func() bool {
		text, _ := os.ReadFile(filepath.Join(p.folder, "grandchild"))
		grandchild, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return grandchild > 0
	})
	return p, grandchild
}

func TestDevEndsWithItsProgram(t *testing.T) {
	t.Parallel()
	p, grandchild := besides(t)
	text, err := os.ReadFile(filepath.Join(p.folder, "env.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"FRESHET_URL=" + p.url(), "FRESHET_API_KEY=" + p.key(), "FRESHET_WEBHOOK_SECRET=" + p.read("webhook-secret"), cmdtest.Variable + "=1",
	} {
		if strings.Count("\n"+string(text), "\n"+want+"\n") != 1 {
			t.Errorf("the program's environment has not %s once:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "DATABASE_URL") {
		t.Errorf("the program sees Freshet's database:\n%s", text)
	}
	if secret := p.read("webhook-secret"); !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the webhook secret is %q", secret)
	}
	p.write("go", "")
	err = p.cmd.Wait()
	if code := p.cmd.ProcessState.ExitCode(); code != 7 || !strings.Contains(p.output.String(), "ended with exit code 7") {
		t.Errorf("exit code %d (%v), output:\n%s", code, err, p.output)
	}
	if alive(grandchild) {
		t.Error("a process of the program outlived freshet dev")
	}
}

func TestNothingOutlivesDev(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			p, grandchild := besides(t)
			p.post("/v1/tasks", `{"kind":"nothing"}`)
			worker := p.workers()[0].PID
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = p.cmd.Wait()
			if code := p.cmd.ProcessState.ExitCode(); signal == syscall.SIGINT && (code != 0 || alive(grandchild)) {
				t.Errorf("exit code %d, the grandchild lives: %t\n%s", code, alive(grandchild), p.output)
			}
			p.until("all processes are dead", func() bool {
				_, err := os.Stat(filepath.Join(p.folder, ".freshet", "postgres", "cluster", "postmaster.pid"))
				return !alive(grandchild) && !alive(worker) && os.IsNotExist(err)
			})
		})
	}
}

func TestDevRefusesAProgramWithoutDashes(t *testing.T) {
	t.Parallel()
	r := newProgram(t, trueKinds).must(2, "dev", "npm", "run", "dev")
	if !strings.Contains(r.stderr, "dev -- npm run dev") {
		t.Errorf("the error is %q", r.stderr)
	}
}

// Clients look into .freshet. Where the data is elsewhere, the terminal says what they have to be told.
func TestDevTellsClientsOfAnotherFolder(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds)
	p.start("--data", filepath.Join(p.folder, "it's here"))
	p.until("it has said all", func() bool { return strings.Contains(p.output.String(), "\nCtrl-C") })
	_, says, _ := strings.Cut(p.output.String(), "In another terminal:\n")
	says, _, _ = strings.Cut(says, "\nCtrl-C")
	if !strings.HasSuffix(says, "\n  freshet submit nothing --follow") {
		t.Fatalf("it says:\n%s", p.output)
	}
	typed := exec.CommandContext(t.Context(), "sh", "-c", `freshet() { "$PROGRAM" "$@"; }`+"\n"+says)
	typed.Dir, typed.Env = t.TempDir(), slices.Concat(p.env, []string{"PROGRAM=" + os.Args[0]})
	if printed, err := typed.CombinedOutput(); err != nil || !strings.Contains(string(printed), "completed") {
		t.Errorf("%v: %s", err, printed)
	}
}

func TestDevTakesChanges(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "").start()
	says := func(text string) {
		t.Helper()
		p.until("it says "+text, func() bool { return strings.Contains(p.output.String(), text) })
	}
	const waits = "  - name: waits\n    command: [sh, -c, 'until [ -e go ]; do sleep 0.05; done']\n"
	// A file appears where there was none.
	p.write("freshet.yaml", "kinds:\n"+waits)
	says("freshet.yaml reloaded: 1 kind, 1 pool\n")
	p.must(1, "submit", "hello")
	running := p.submit("waits")
	p.until("it runs", func() bool { return p.task(running).State == "running" })
	// A broken one changes nothing.
	p.write("freshet.yaml", "kinds:\n"+waits+"    input: ./input.json\n")
	says("freshet.yaml:4:12: kinds[0].input: there is no file ./input.json\nfreshet: the settings before this change stay in force")
	p.submit("waits", "--input", `{"any":1}`)
	// The file that it names counts, too.
	p.write("input.json", `{"type":"object","additionalProperties":false}`)
	p.until("the schema counts", func() bool { return p.client("submit", "waits", "--input", `{"any":1}`).code == 1 })
	// As editors write: beside it, and then moved there. A new pool gets its worker.
	const two = "  - {name: two, command: [echo], pool: other}\npools: {other: {}}\nserver: {corsOrigins: ['https://a.example']}\n"
	p.write("freshet.yaml~", "kinds:\n"+waits+two)
	if err := os.Rename(filepath.Join(p.folder, "freshet.yaml~"), filepath.Join(p.folder, "freshet.yaml")); err != nil {
		t.Fatal(err)
	}
	says("2 kinds, 2 pools\nfreshet: a change of server")
	p.followed(0, "two")
	// What ran all the while ends as it began.
	p.write("go", "")
	p.must(0, "get", running, "--wait")
	if got := p.task(running); got.State != "completed" || got.Attempt != 1 {
		t.Errorf("a task that ran through the changes: %+v", got)
	}
	p.write("freshet.yaml", "kinds:\n"+waits)
	p.until("the worker of a pool that is gone has left", func() bool { return !strings.Contains(p.get("/v1/workers"), `"other"`) })
}

func TestInit(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	p.must(0, "init")
	p.must(0, "validate")
	if r := p.must(1, "init"); !strings.Contains(r.stderr, "there is already: freshet.yaml") {
		t.Errorf("the error is %q", r.stderr)
	}
	r := p.must(1, "init", "--next")
	if !strings.Contains(r.stderr, "make sdk build") && !strings.Contains(r.stderr, "there is no package.json") {
		t.Errorf("the error is %q", r.stderr)
	}
}

func (p *program) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}
