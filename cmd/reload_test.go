package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"freshet/jobs/postgres/postgrestest"
)

// apart runs an API and a worker as processes of their own, on a database of their own, and returns the
// worker's.
func (p *program) apart() (worker *os.Process) {
	p.t.Helper()
	address := "127.0.0.1:" + freePort(p.t)
	p.env = append(p.env, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32), "FRESHET_API_KEY=k", "FRESHET_URL=http://"+address,
		"DATABASE_URL="+postgrestest.New(p.t))
	p.beside("api", "--addr", address)
	worker = p.beside("worker", "--allow-root-children")
	p.until("there are an API and a worker", func() bool {
		r := p.client("workers", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"pid"`)
	})
	return worker
}

// change writes a freshet.yaml with the kinds of trueKinds and one more.
func (p *program) change(kind string) {
	p.t.Helper()
	text := trueKinds + "  - name: " + kind + "\n    command: [/bin/true]\n"
	if err := os.WriteFile(filepath.Join(p.folder, "freshet.yaml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// runs returns when a task of the kind was submitted and has completed.
func (p *program) runs(kind string) {
	p.t.Helper()
	p.until(kind+" is known", func() bool { return p.client("submit", kind).code == 0 })
	p.must(0, "submit", kind, "--follow")
}

func TestReloadReachesEveryProcess(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds)
	worker := p.apart()
	p.must(1, "submit", "asked")
	p.change("asked")
	p.must(0, "reload")
	p.runs("asked")

	p.change("hung-up") // SIGHUP of any process is for all
	if err := worker.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.runs("hung-up")

	p.change("missed") // the worker is away when it is asked
	if err := worker.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.must(0, "reload")
	p.until("missed is known", func() bool { return p.client("submit", "missed").code == 0 })
	if err := worker.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.runs("missed")

	if err := os.WriteFile(filepath.Join(p.folder, "freshet.yaml"), []byte("kinds: 7"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.must(0, "reload")
	p.must(0, "submit", "missed", "--follow") // what is wrong changes nothing
}

func TestMaintenanceCommand(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	p.must(0, "maintenance", "on", "--message", "back at nine")
	if r := p.must(3, "submit", "nothing"); !strings.Contains(r.stderr, "back at nine") {
		t.Errorf("the refusal does not say why: %s", r.stderr)
	}
	p.stop()
	p.start() // it outlives a restart
	p.must(3, "submit", "nothing")
	p.must(2, "maintenance", "maybe")
	p.must(0, "maintenance", "off")
	p.must(0, "submit", "nothing", "--follow")
}
