package cmd_test

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledUp kills freshet up itself. Its workers finish what they run; the next one finds nothing in
// its way, the port included.
func TestKilledUp(t *testing.T) {
	t.Parallel()
	p := newUp(t).up()
	address := strings.TrimPrefix(p.url(), "http://")
	before := p.instances()
	id := p.submit("slow")
	p.until("it runs", func() bool { return p.task(id).State == "running" })
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.up("--addr", address)
	p.must(0, "get", id, "--wait")
	if task := p.task(id); task.Attempt != 1 {
		t.Errorf("the task took %d attempts", task.Attempt)
	}
	p.until("there is one of each", func() bool { return p.states() == "api ready, worker-default ready" })
	for _, old := range before {
		if lives(old.PID) {
			t.Errorf("%s of before lives", old.Program)
		}
	}
}

// TestImpatience stops freshet up while a task runs that would have half a minute. A second signal has the
// task interrupted and handed over, a third one, for what does not end then, kills.
func TestImpatience(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"long", "stubborn"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newUp(t).up()
			id := p.submit(kind)
			p.until("it runs", func() bool { return p.task(id).State == "running" })
			p.until("it has begun", func() bool { return strings.Contains(p.must(0, "logs", id).stdout, "begins") })
			all := p.instances()
			p.signal(syscall.SIGINT)
			p.until("the worker drains", func() bool { // and has taken the signal: of two that are pending, the order is lost
				return strings.Contains(p.must(0, "up", "logs", "worker-default", "--data", ".freshet").stdout, "worker is leaving")
			})
			asked := time.Now()
			p.signal(syscall.SIGINT)
			if kind == "stubborn" {
				p.until("it is interrupted", func() bool { return strings.Contains(p.output.String(), "a second signal") })
				p.signal(syscall.SIGINT)
			}
			_ = p.cmd.Wait()
			if took := time.Since(asked); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			for _, one := range all {
				if lives(one.PID) {
					t.Errorf("%s outlives freshet up", one.Program)
				}
			}
			if kind == "long" {
				p.up("--workers", "default=0")
				if task := p.task(id); task.State != "pending" || task.Attempt != 2 {
					t.Errorf("the task was not handed over: %+v", task)
				}
			}
		})
	}
}
