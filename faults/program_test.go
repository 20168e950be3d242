package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"freshet/cmd/cmdtest"
)

// mourning is what a process may outlive the end of its run by.
const mourning = 5 * time.Second

// program is one freshet of a run.
type program struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended and was waited for
}

// crew is the programs of a run.
type crew struct {
	mu  sync.Mutex
	all []*program
}

// start starts a freshet. Its environment marks it, and so do those of the commands that it runs.
func (r *run) start(args []string, env ...string) *program {
	r.t.Helper()
	r.crew.mu.Lock()
	defer r.crew.mu.Unlock()
	p := &program{log: filepath.Join(r.folder, fmt.Sprintf("%03d-%s.log", len(r.crew.all), args[0])), done: make(chan struct{})}
	log, err := os.Create(p.log)
	r.ok(err)
	defer log.Close()
	p.cmd = exec.CommandContext(context.WithoutCancel(r.t.Context()), os.Args[0], args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = r.folder, log, log
	p.cmd.Env = append([]string{
		cmdtest.Variable + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + r.folder,
		markVariable + "=" + r.mark, "FRESHET_API_KEY=" + adminKey, "FRESHET_SECRET_KEY=" + strings.Repeat("ab", 32),
	}, env...)
	r.ok(p.cmd.Start())
	r.crew.all = append(r.crew.all, p)
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // most of them are killed
	}()
	return p
}

// api starts a replica of the API on the database, and returns its address.
func (r *run) api(database string) (p *program, address string) {
	r.t.Helper()
	p = r.apiAt(database, "127.0.0.1:0")
	ready := regexp.MustCompile(`"API is ready","address":"([^"]+)"`)
	r.until("the API listens", func() bool {
		text, _ := os.ReadFile(p.log)
		if found := ready.FindSubmatch(text); found != nil {
			address = "http://" + string(found[1])
		} else if p.ended() {
			r.t.Fatalf("the API ended: %s", text)
		}
		return address != ""
	})
	return p, address
}

func (r *run) apiAt(database, address string) *program {
	r.t.Helper()
	return r.start([]string{"api", "--addr", strings.TrimPrefix(address, "http://")}, "DATABASE_URL="+database)
}

// worker starts a worker, as on a machine of its own.
func (r *run) worker(database string) *program {
	r.t.Helper()
	folder, err := os.MkdirTemp(r.folder, "workspaces-")
	r.ok(err)
	return r.start([]string{"worker", "--workspaces", folder, "--drain", "1s", "--allow-root-children"}, "DATABASE_URL="+database)
}

func (p *program) pid() int { return p.cmd.Process.Pid }

func (p *program) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) } // fails only if it has ended

// kill is kill -9.
func (p *program) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// freeze stops it; what it holds stays open.
func (p *program) freeze() { p.signal(syscall.SIGSTOP) }
func (p *program) thaw()   { p.signal(syscall.SIGCONT) }

// stop ends it as an operator does.
func (p *program) stop() {
	p.thaw()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
	}
}

func (p *program) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stopAll ends all programs, the workers first.
func (c *crew) stopAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range slices.Backward(c.all) {
		p.stop()
	}
}

// logs is what the programs had to warn of, at most so many lines of each.
func (c *crew) logs(lines int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all strings.Builder
	for _, p := range c.all {
		text, _ := os.ReadFile(p.log)
		kept := bytes.Split(text, []byte("\n"))
		fmt.Fprintf(&all, "--- %s\n%s\n", filepath.Base(p.log), bytes.Join(kept[max(0, len(kept)-lines):], []byte("\n")))
	}
	return all.String()
}

// left are the processes of the run that live.
func (r *run) left() (found []string) {
	mark := []byte(markVariable + "=" + r.mark)
	for _, pid := range processes() {
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if bytes.Contains(environ, mark) {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			found = append(found, fmt.Sprintf("%d %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}
