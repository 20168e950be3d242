package cmd_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"freshet/cmd/cmdtest"
	"freshet/jobs/postgres/postgrestest"
)

// patience bounds every wait of these tests: the machine may be busy.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	cmdtest.Become()
	postgrestest.Main(m)
}

// program is a running freshet in a folder of its own.
type program struct {
	t      *testing.T
	folder string
	env    []string
	cmd    *exec.Cmd
	output *lines
}

// lines collects what a program prints and tells who waits for a line.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	added chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.added <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newProgram is freshet dev, about to start in a new folder, with the given freshet.yaml or, when that
// is empty, the built-in kinds.
func newProgram(t *testing.T, config string) *program {
	t.Helper()
	folder := t.TempDir()
	if config != "" {
		if err := os.WriteFile(filepath.Join(folder, "freshet.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{cmdtest.Variable + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	return &program{t: t, folder: folder, env: env}
}

// start runs freshet dev and returns when it is ready.
func (p *program) start(args ...string) *program {
	p.t.Helper()
	p.output = &lines{added: make(chan struct{}, 1)}
	p.cmd = exec.CommandContext(context.WithoutCancel(p.t.Context()), os.Args[0], append([]string{"dev", "--addr", "127.0.0.1:0"}, args...)...)
	p.cmd.Dir, p.cmd.Env = p.folder, p.env
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.stop)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !strings.Contains(p.output.String(), "Freshet is ready at") {
		select {
		case <-p.output.added:
		case <-deadline.C:
			p.t.Fatalf("freshet dev is not ready:\n%s", p.output)
		}
	}
	return p
}

// stop tells it to stop and waits until it has.
func (p *program) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("freshet dev: %v\n%s%s", err, p.output, p.logs())
	}
}

// logs is what the program wrote to its log files, for messages.
func (p *program) logs() string {
	var all strings.Builder
	files, _ := filepath.Glob(filepath.Join(p.folder, ".freshet", "logs", "*.log"))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		all.WriteString("--- " + filepath.Base(file) + "\n")
		scanner := bufio.NewScanner(bytes.NewReader(text))
		for scanner.Scan() {
			if !strings.Contains(scanner.Text(), `"level":"INFO"`) {
				all.WriteString(scanner.Text() + "\n")
			}
		}
	}
	return all.String()
}

// result is what a client command printed, and its exit code.
type result struct {
	stdout, stderr string
	code           int
}

// client runs one client command in the program's folder.
func (p *program) client(args ...string) result {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Dir, command.Env = p.folder, p.env
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if ctx.Err() != nil {
		p.t.Fatalf("freshet %s took too long: %s\n%s", strings.Join(args, " "), stderr.String(), p.logs())
	}
	if command.ProcessState == nil {
		p.t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

// must is client for a command that has to exit with a code.
func (p *program) must(code int, args ...string) result {
	p.t.Helper()
	r := p.client(args...)
	if r.code != code {
		p.t.Fatalf("freshet %s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s\n%s",
			strings.Join(args, " "), r.code, code, r.stdout, r.stderr, p.logs())
	}
	return r
}

// until repeats a look until it is satisfied.
func (p *program) until(what string, look func() bool) {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !look() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			p.t.Fatalf("waited in vain until %s\n%s%s", what, p.output, p.logs())
		}
	}
}
