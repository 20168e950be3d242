package cmd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/process"
	"freshet/jobs/process/notify"
)

const upKinds = `
kinds:
  - {name: nothing, command: [/bin/true]}
  - {name: slow, command: [sleep, "2"]}
  - {name: long, command: [sh, -c, 'echo begins; [ $FRESHET_ATTEMPT -gt 1 ] || sleep 1000']}
  - {name: stubborn, command: [sh, -c, 'trap "" TERM INT; echo begins; while :; do sleep 1; done'], grace: 10m}
`

// newUp is freshet up on a database of its own, about to start, with its state where client commands
// look for it.
func newUp(t *testing.T) *program {
	t.Helper()
	p := newProgram(t, upKinds)
	if err := os.Mkdir(filepath.Join(p.folder, ".freshet"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write(".freshet/api-key", "fr_test")
	p.env = append(p.env, "DATABASE_URL="+postgrestest.New(t), "FRESHET_API_KEY=fr_test",
		"FRESHET_SECRET_KEY="+strings.Repeat("ab", 32))
	return p
}

var socketLine = regexp.MustCompile(`"the API's socket is open","address":"([^"]*)"`)

// up starts freshet up and returns when it is ready.
func (p *program) up(args ...string) *program {
	p.t.Helper()
	p.output = &lines{added: make(chan struct{}, 1)}
	p.cmd = exec.CommandContext(context.WithoutCancel(p.t.Context()), os.Args[0],
		append([]string{"up", "--addr", "127.0.0.1:0", "--data", ".freshet", "--allow-root-children"}, args...)...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.folder, p.env, p.output, p.output
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.stop)
	p.until("freshet up is ready", func() bool { return strings.Contains(p.output.String(), "freshet up is ready") })
	if found := socketLine.FindStringSubmatch(p.output.String()); found != nil {
		p.write(".freshet/url", "http://"+found[1])
	}
	return p
}

func (p *program) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// instance is a line of freshet up status.
type instance struct {
	Program string
	State   string
	PID     int
	Error   string
}

func (p *program) instances() []instance {
	p.t.Helper()
	return parse[struct{ Instances []instance }](p, p.must(0, "up", "status", "--json", "--data", ".freshet").stdout).Instances
}

// states are those of all instances, in their order.
func (p *program) states() string {
	p.t.Helper()
	var all []string
	for _, i := range p.instances() {
		all = append(all, i.Program+" "+i.State)
	}
	return strings.Join(all, ", ")
}

// lives tells whether a process runs that nobody has reaped.
func lives(pid int) bool {
	_, err := process.Birth(pid)
	return err == nil
}

// load sends requests until it is told to stop: 200 a second, on kept and on new connections.
type load struct {
	p      *program
	sent   atomic.Int64
	mu     sync.Mutex
	failed []string
}

func (l *load) run(ctx context.Context) {
	kept := &http.Client{Transport: &http.Transport{}}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	defer kept.CloseIdleConnections()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		all.Go(func() {
			client := kept
			if n%2 == 0 {
				client = fresh
			}
			if n%10 == 0 {
				l.send(client, http.MethodPost, "/v1/tasks", fmt.Sprintf(`{"kind":"nothing","idempotencyKey":"%d"}`, n))
			} else {
				l.send(client, http.MethodGet, "/v1/tasks?limit=1", "")
			}
		})
	}
}

func (l *load) send(client *http.Client, method, path, body string) {
	request, err := http.NewRequest(method, l.p.url()+path, strings.NewReader(body))
	if err == nil {
		request.Header.Set("Authorization", "Bearer fr_test")
		request.Header.Set("Content-Type", "application/json")
		// Lets Go's client repeat a request on a kept connection that was closed before it was read.
		request.Header.Set("Idempotency-Key", "in the body")
		var response *http.Response
		if response, err = client.Do(request); err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode >= http.StatusBadRequest {
				err = fmt.Errorf("status %s", response.Status)
			}
		}
	}
	l.sent.Add(1)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = append(l.failed, method+": "+err.Error())
	}
}

// TestReloadLosesNothing replaces two API instances and a worker twice, while requests come and a task
// of two seconds runs.
func TestReloadLosesNothing(t *testing.T) {
	t.Parallel()
	p := newUp(t).up("--api", "2")
	ctx, stop := context.WithCancel(t.Context())
	l := &load{p: p}
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(ctx) }()
	before := p.instances()
	for range 2 {
		slow := p.submit("slow")
		p.until("it runs", func() bool { return p.task(slow).State == "running" })
		p.must(0, "up", "reload", "--data", ".freshet")
		p.must(0, "get", slow, "--wait")
		if task := p.task(slow); task.Attempt != 1 {
			t.Errorf("the task that ran during the reload took %d attempts", task.Attempt)
		}
	}
	stop()
	<-ended
	if sent := l.sent.Load(); sent < 200 || len(l.failed) > 0 {
		t.Errorf("%d of %d requests failed: %.2000q", len(l.failed), sent, l.failed)
	}
	t.Logf("%d requests, %d failed", l.sent.Load(), len(l.failed))
	p.until("there is one of each", func() bool { return p.states() == "api ready, api ready, worker-default ready" })
	for _, old := range before {
		if lives(old.PID) {
			t.Errorf("%s of before lives", old.Program)
		}
	}
}

// TestUpObeys gives all orders.
func TestUpObeys(t *testing.T) {
	t.Parallel()
	p := newUp(t)
	wantIn(t, p.must(3, "up", "status", "--data", ".freshet").stderr, "no freshet up answers")
	p.must(2, "up", "--allow-root-children", "--workers", "other=1")
	empty := *p
	empty.env = append(slices.Clone(p.env), "DATABASE_URL="+postgrestest.Empty(t))
	wantIn(t, empty.must(1, "up", "--allow-root-children").stderr, "run freshet migrate up")
	p.must(2, "up", "--allow-root-children", "--memory", "api=1 GB")
	p.up("--workers", "default=2", "--memory", "api=1GiB", "--log", "-")
	if states := p.states(); states != "api ready, worker-default ready, worker-default ready" {
		t.Errorf("states: %s", states)
	}
	wantIn(t, p.output.String(), `worker-default-0 | {"time"`)
	wantIn(t, p.must(0, "up", "logs", "api", "--data", ".freshet").stdout, "api-0 | ", "API is ready")
	wantIn(t, p.must(1, "up", "logs", "nobody", "--data", ".freshet").stderr, "no such logs")
	wantIn(t, p.must(0, "up", "stop", "worker-default", "--data", ".freshet").stdout, "worker-default-1  stopped")
	wantIn(t, p.must(1, "up", "restart", "nobody", "--data", ".freshet").stderr, "no such program")
	wantIn(t, p.must(0, "up", "reset", "worker-default", "--data", ".freshet").stdout, "worker-default-1  starting")
	p.must(0, "up", "restart", "worker-default", "--data", ".freshet")
	p.must(2, "up", "scale", "worker-default", "some", "--data", ".freshet")
	wantIn(t, p.must(1, "up", "scale", "nobody", "2", "--data", ".freshet").stderr, "no such program")
	wantIn(t, p.must(0, "up", "scale", "worker-default", "3", "--data", ".freshet").stdout, "worker-default-2  ready")
	p.must(0, "up", "scale", "worker-default", "1", "--data", ".freshet")
	p.write("freshet.yaml", "kinds: [{name: nothing}]")
	wantIn(t, p.must(1, "up", "reload", "--data", ".freshet").stderr, "freshet.yaml:1:9")
	p.write("freshet.yaml", upKinds+"pools: {other: {}}\n")
	p.must(0, "up", "reload", "--data", ".freshet")
	all := p.instances()
	if states := p.states(); !strings.Contains(states, "worker-other ready") {
		t.Errorf("states: %s", states)
	}
	r := p.client("up", "--data", ".freshet", "--addr", "127.0.0.1:0", "--allow-root-children")
	if r.code != 1 || !strings.Contains(r.stderr, "another supervisor") {
		t.Errorf("a second freshet up: %+v", r)
	}
	p.must(0, "up", "stop", "--data", ".freshet")
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.output)
	}
	for _, one := range all {
		if lives(one.PID) {
			t.Errorf("%s outlives freshet up", one.Program)
		}
	}
}

// TestKilledWorkerOfMany kills a worker: what it ran is done by the other one, at once.
func TestKilledWorkerOfMany(t *testing.T) {
	t.Parallel()
	p := newUp(t).up("--workers", "default=2")
	id := p.submit("long")
	p.until("it runs", func() bool { return p.task(id).State == "running" })
	var busy int
	p.until("its worker is known", func() bool {
		for _, w := range parse[struct {
			Items []struct{ PID, Running int }
		}](p, p.get("/v1/workers")).Items {
			if w.Running > 0 {
				busy = w.PID
			}
		}
		return busy > 0
	})
	killed := time.Now()
	if err := syscall.Kill(busy, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.until("the task is completed", func() bool { return p.task(id).State == "completed" })
	took := time.Since(killed)
	if task := p.task(id); task.Attempt != 2 || took > 5*time.Second {
		t.Errorf("attempt %d after %s", task.Attempt, took)
	}
	t.Logf("taken over after %s", took)
}

// TestUpSpeaksToSystemd plays systemd: it hands the socket down, and hears what it is told.
func TestUpSpeaksToSystemd(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "up") //nolint:usetesting // paths of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	l, err := notify.Listen(filepath.Join(folder, "n"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan string, 1000)
	stop := make(chan struct{})
	var hearing sync.WaitGroup
	defer hearing.Wait()
	defer close(stop)
	hearing.Go(func() {
		for {
			select {
			case <-stop:
				return
			case m := <-l.Messages():
				select {
				case heard <- string(m):
				default:
				}
			}
		}
	})
	p := newUp(t)
	p.env = append(append(p.env, l.Environ()...), "WATCHDOG_USEC=200000")
	p.up()
	hears := func(wanted ...string) { // in any order
		t.Helper()
		deadline := time.After(patience)
		for len(wanted) > 0 {
			select {
			case m := <-heard:
				wanted = slices.DeleteFunc(wanted, func(want string) bool { return strings.HasPrefix(m, want) })
			case <-deadline:
				t.Fatalf("never told %s\n%s", wanted, p.output)
			}
		}
	}
	hears("READY=1")
	hears("WATCHDOG=1")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("STATUS=2 ready", "READY=1")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears("STOPPING=1")
}

// TestAPITakesASocket plays systemd's socket activation of freshet api.
func TestAPITakesASocket(t *testing.T) {
	t.Parallel()
	p := newUp(t)
	socket, address := listening(t)
	p.output = &lines{added: make(chan struct{}, 1)}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "api")
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = p.folder, p.output, p.output, []*os.File{socket}
	p.cmd.Env = slices.Concat(p.env, []string{"LISTEN_FDS=1"})
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	p.write(".freshet/url", "http://"+address)
	if !json.Valid([]byte(p.get("/v1/tasks"))) { // waits in the socket until the API is there
		t.Error("no answer")
	}
	p.env = append(p.env, "LISTEN_FDS=1")
	wantIn(t, p.must(2, "api").stderr, "descriptor 3")
	p.env = append(p.env, "LISTEN_PID=1", "FRESHET_ADDR="+address)
	wantIn(t, p.must(1, "api").stderr, "is taken") // what is meant for another is not taken
}
