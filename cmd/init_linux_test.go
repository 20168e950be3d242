package cmd_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/process/tree"
)

// initKinds leave what process 1 of a container has to deal with.
const initKinds = `
kinds:
  - name: orphans
    command: [sh, -c, 'for i in 1 2 3; do setsid sh -c "sh -c true & sh -c \"exec sleep 1000\" & exit 0" & done; wait']
  - name: long
    command: [sh, -c, 'setsid sleep 1000 & echo > {started}/$FRESHET_ATTEMPT; [ $FRESHET_ATTEMPT -gt 1 ] || exec sleep 1000']
`

// startInit runs a worker as process 1 of a process namespace of its own, as in a container without
// another init. The number that is answered is the worker's out here.
func startInit(t *testing.T, p *program) (worker int, ended func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	command := exec.CommandContext(ctx, "unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
		os.Args[0], "worker", "--allow-root-children")
	command.WaitDelay = time.Second
	command.Dir, command.Env = p.folder, p.env
	p.output = &lines{added: make(chan struct{}, 1)}
	command.Stdout, command.Stderr = p.output, p.output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = command.Wait() })
	p.until("the worker has a process", func() bool {
		children := tree.Children(command.Process.Pid)
		if len(children) == 1 {
			worker = children[0]
		}
		return worker != 0
	})
	return worker, command.Wait
}

// dead are those below a process that wait to be reaped.
func dead(pid int) (zombies []int) {
	for pid := range tree.Walk(pid) {
		if status, err := tree.Read(pid); err == nil && status.Dead {
			zombies = append(zombies, pid)
		}
	}
	return zombies
}

func newInit(t *testing.T) (p *program, started string) {
	t.Helper()
	needRoot(t)
	started = t.TempDir()
	p = newProgram(t, strings.ReplaceAll(initKinds, "{started}", started))
	address := "127.0.0.1:" + freePort(t)
	p.env = append(p.env, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32), "FRESHET_API_KEY=k", "FRESHET_URL=http://"+address,
		"DATABASE_URL="+postgrestest.New(t))
	p.beside("api", "--addr", address)
	p.until("the API is ready", func() bool { return p.client("tasks").code == 0 })
	return p, started
}

// TestWorkerIsInit has a worker be process 1: it leaves no zombies, not even of a shim that was killed,
// and SIGTERM ends it in order. So its image needs no other init.
func TestWorkerIsInit(t *testing.T) {
	t.Parallel()
	p, started := newInit(t)
	worker, ended := startInit(t, p)
	for range 5 {
		p.must(0, "submit", "orphans", "--follow")
	}
	id := p.submit("long")
	p.until("the command runs", func() bool { return exists(filepath.Join(started, "1")) })
	shims := tree.Children(worker)
	if len(shims) == 0 {
		t.Fatal("the worker has no shim")
	}
	for _, shim := range shims {
		if len(tree.Children(shim)) > 0 {
			_ = syscall.Kill(shim, syscall.SIGKILL)
		}
	}
	p.until("another attempt completes it", func() bool { return p.task(id).State == "completed" })
	p.until("nothing is left but shims at rest", func() bool {
		left := 0
		for pid := range tree.Walk(worker) {
			line, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
			if strings.HasPrefix(string(line), "sleep") {
				left++
			}
		}
		return left == 0 && len(dead(worker)) == 0
	})
	_ = syscall.Kill(worker, syscall.SIGTERM)
	if err := ended(); err != nil {
		t.Errorf("at SIGTERM: %v\n%s", err, p.output)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
