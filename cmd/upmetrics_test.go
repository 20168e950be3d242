package cmd_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestUpShowsMetrics of what it supervises: a death, and a stop by hand.
func TestUpShowsMetrics(t *testing.T) {
	t.Parallel()
	p := newUp(t)
	address := "127.0.0.1:" + freePort(t)
	p.up("--api", "0", "--workers", "default=2", "--metrics", address)
	shows := func(lines ...string) func() bool {
		return func() bool {
			status, text := p.observedAt(http.MethodGet, "http://"+address+"/metrics", "", "")
			for _, line := range lines {
				if status != http.StatusOK || !strings.Contains(text, "\n"+line+"\n") {
					return false
				}
			}
			return true
		}
	}
	p.until("two are ready", shows(`freshet_up_instances{program="worker-default",state="ready"} 2`, `freshet_up_instances{program="worker-default",state="backoff"} 0`,
		`freshet_up_starts_total{program="worker-default"} 2`, `freshet_up_exits_total{outcome="died",program="worker-default"} 0`, `freshet_build_info{version="test"} 1`))
	if err := syscall.Kill(p.instances()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.until("a death and a start are counted", shows(`freshet_up_instances{program="worker-default",state="ready"} 2`,
		`freshet_up_starts_total{program="worker-default"} 3`, `freshet_up_exits_total{outcome="died",program="worker-default"} 1`))
	p.must(0, "up", "stop", "worker-default", "--data", ".freshet")
	p.until("both are stopped", shows(`freshet_up_instances{program="worker-default",state="stopped"} 2`,
		`freshet_up_exits_total{outcome="left",program="worker-default"} 2`, `freshet_up_memory_bytes{program="worker-default"} 0`))
}
