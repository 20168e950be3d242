package cmd_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// trueKinds is a kind that does nothing, in a process, four at a time.
const trueKinds = `
kinds:
  - name: nothing
    command: [/bin/true]
`

// TestAThousandCommands runs /bin/true a thousand times on four slots.
func TestAThousandCommands(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	items := strings.TrimSuffix(strings.Repeat(`{"kind":"nothing"},`, 1000), ",")
	p.post("/v1/tasks/batch", `{"tasks":[`+items+`]}`)
	p.until("all tasks are completed", func() bool { return len(p.list("completed")) == 1000 })
	for _, done := range p.list("completed") {
		if done.Attempt != 1 || done.Seq != 3 {
			t.Errorf("task %s took %d attempts and %d events", done.ID, done.Attempt, done.Seq)
		}
	}
}

// daemonKinds forks a grandchild into a session of its own that ignores SIGTERM, writes down its id,
// and waits. The shell here is the user's own choice of a command.
const daemonKinds = `
kinds:
  - name: daemon
    command: [sh, -c, 'setsid sh -c "trap : TERM; echo \$\$ > {pids}/$FRESHET_ATTEMPT; while :; do sleep 1; done" & wait']
    grace: 1s
`

const (
	daemonGrace = time.Second
	// limit is what a descendant may outlive the end of its attempt, or its worker, by.
	limit = 2 * time.Second
)

func startDaemon(t *testing.T) (p *program, id string, grandchild func(attempt int) int) {
	t.Helper()
	pids := t.TempDir()
	p = newProgram(t, strings.ReplaceAll(daemonKinds, "{pids}", pids)).start()
	id = p.submit("daemon")
	grandchild = func(attempt int) (pid int) {
		p.until("the grandchild runs", func() bool {
			text, _ := os.ReadFile(filepath.Join(pids, strconv.Itoa(attempt)))
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
			return pid > 0
		})
		if !alive(pid) {
			t.Fatal("the grandchild does not run: there is nothing to test")
		}
		return pid
	}
	return p, id, grandchild
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestCancelLeavesNoDescendant(t *testing.T) {
	t.Parallel()
	p, id, grandchild := startDaemon(t)
	pid := grandchild(1)
	asked := time.Now()
	p.must(0, "cancel", id)
	p.until("the grandchild is dead", func() bool { return !alive(pid) })
	if took := time.Since(asked); took > daemonGrace+limit {
		t.Errorf("the grandchild lived for %s after the cancel", took)
	}
	p.until("the task is cancelled", func() bool { return p.task(id).State == "cancelled" })
}

// TestKilledWorker kills the worker: nothing of its task survives, and another worker takes its place.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	p, _, grandchild := startDaemon(t)
	pid := grandchild(1)
	worker := p.workers()[0]
	if err := syscall.Kill(worker.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	p.until("the grandchild is dead", func() bool { return !alive(pid) })
	if took := time.Since(killed); took > limit {
		t.Errorf("the grandchild lived for %s after its worker", took)
	}
	p.until("there is another worker", func() bool {
		workers := p.workers()
		return workers[len(workers)-1].PID != worker.PID
	})
}

// TestRestart stops everything while tasks wait, and finds them again.
func TestRestart(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	p.must(0, "pause", "kind", "nothing")
	id := p.submit("nothing")
	if got := p.task(id); got.State != "pending" {
		t.Fatalf("state %s of a task of a paused kind", got.State)
	}
	p.stop()
	p.start()
	p.must(0, "resume", "kind", "nothing")
	p.must(0, "get", id, "--wait")
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	p := newProgram(t, `
kinds:
  - name: broken
    command: [sh, -c, 'echo on its way; exit 7']
    retry: {maxAttempts: 1}
`)
	p.must(3, "tasks") // nothing runs here
	p.start()
	r := p.must(1, "submit", "broken", "--follow")
	if !strings.Contains(r.stdout+r.stderr, "on its way") || !strings.Contains(r.stdout+r.stderr, "exit code 7") {
		t.Errorf("--follow of a failing task printed\n%s%s", r.stdout, r.stderr)
	}
	p.must(2, "submit")
	p.must(2, "nonsense")
	p.must(2, "tasks", "--nonsense")
	p.env = append(p.env, "FRESHET_API_KEY=wrong")
	p.must(3, "tasks")
}

func TestATakenPortNamesItsHolder(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	address := strings.TrimPrefix(p.url(), "http://")
	r := p.must(1, "dev", "--addr", address, "--data", t.TempDir())
	if want := fmt.Sprintf("(process %d)", p.cmd.Process.Pid); !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "--addr") {
		t.Errorf("the error is %q, want it to name %s and --addr", r.stderr, want)
	}
}

// worker is the part of the API's worker that these tests look at.
type worker struct {
	PID int `json:"pid"`
}

func (p *program) workers() []worker {
	p.t.Helper()
	var found struct {
		Items []worker `json:"items"`
	}
	p.until("there is a worker", func() bool {
		found = parse[struct {
			Items []worker `json:"items"`
		}](p, p.get("/v1/workers"))
		return len(found.Items) > 0
	})
	return found.Items
}

func (p *program) list(state string) []task {
	p.t.Helper()
	var all []task
	for cursor := ""; ; {
		page := parse[struct {
			Items      []task `json:"items"`
			NextCursor string `json:"nextCursor"`
		}](p, p.get("/v1/tasks?limit=100&state="+state+"&cursor="+cursor))
		all = append(all, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

func (p *program) url() string { return p.read("url") }
func (p *program) key() string { return p.read("api-key") }
func (p *program) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.folder, ".freshet", name))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func (p *program) get(path string) string        { return p.call(http.MethodGet, path, "") }
func (p *program) post(path, body string) string { return p.call(http.MethodPost, path, body) }

func (p *program) call(method, path, body string) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url()+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.key())
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer json.RawMessage
	err = json.NewDecoder(response.Body).Decode(&answer)
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		p.t.Fatalf("%s %s: %s: %s (%v)", method, path, response.Status, answer, err)
	}
	return string(answer)
}
