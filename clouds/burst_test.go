package clouds_test

import (
	"sync"
	"testing"
	"time"
)

// TestBurstOverThreePoolsAgainstStandIns has three replicas of the control plane at once, and a burst of 200 tasks.
func TestBurstOverThreePoolsAgainstStandIns(t *testing.T) {
	t.Parallel()
	const tasks, replicas = 200, 3
	s := newSite(t, `
pools:
  machines: `+flyPool+`slots: 4, max: 4, idleTimeout: 500ms}
  executions: `+runPool+`slots: 4, max: 3, idleTimeout: 500ms}
  processes: {slots: 4, max: 3, idleTimeout: 500ms, allowRootChildren: true}
kinds:
  - {name: on-machines, pool: machines, command: [sleep, "0.1"]}
  - {name: on-executions, pool: executions, command: [sleep, "0.1"]}
  - {name: on-processes, pool: processes, command: [sleep, "0.1"]}
`)
	s.onFly("machines")
	s.onCloudRun("executions")
	s.onProcesses("processes")
	s.control(replicas)
	began := time.Now()
	kinds := []string{"on-machines", "on-executions", "on-processes"}
	var users sync.WaitGroup
	for user := range 4 {
		users.Go(func() {
			for i := user; i < tasks; i += 4 {
				s.submit(kinds[i%len(kinds)], nil)
			}
		})
	}
	users.Wait()
	s.completed()
	took := time.Since(began)
	s.agree()
	if n := s.number(`SELECT count(*) FROM freshet.tasks WHERE state = 'completed'`); n != tasks {
		t.Errorf("%d of %d tasks are completed", n, tasks)
	}
	for pool := range s.providers {
		if s.most[pool] == 0 {
			t.Errorf("no worker was ever seen in pool %s", pool)
		}
	}
	t.Logf("%d tasks in %s; at most %d machines of 4, %d executions of 3, %d processes of 3; %d started, %d in the ledger",
		tasks, took, s.most["machines"], s.most["executions"], s.most["processes"], len(s.units()), len(s.rows()))
}
