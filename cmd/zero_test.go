package cmd_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFromZeroAndBack submits to freshet dev while no worker runs, again and again: each time one is started for the
// task, and leaves when it has nothing to do.
func TestFromZeroAndBack(t *testing.T) {
	t.Parallel()
	const times = 20
	p := newProgram(t, "pools: {default: {idleTimeout: 100ms}}\nkinds:\n  - {name: nothing, command: [/bin/true]}\n").start()
	idle := func() bool { return !strings.Contains(p.get("/v1/workers"), `"pid"`) }
	if !idle() {
		t.Error("there is a worker before there is work")
	}
	var took []time.Duration
	for range times {
		p.until("no worker is left", idle)
		id := p.submit("nothing")
		p.until("the task is completed", func() bool { return p.task(id).State == "completed" })
		times := parse[struct{ CreatedAt, StartedAt time.Time }](p, p.get("/v1/tasks/"+id))
		took = append(took, times.StartedAt.Sub(times.CreatedAt))
	}
	p.until("the last worker has left", idle)
	slices.Sort(took)
	t.Logf("from the submit to the claim, with a worker started in between: median %s, worst %s", took[times/2], took[times-1])
	if took[times/2] > 3*time.Second { // 0.1 s where nothing else runs
		t.Errorf("the median is %s", took[times/2])
	}
}
