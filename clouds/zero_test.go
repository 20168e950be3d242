package clouds_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
)

// settings have one pool, and two kinds: work takes a while, and hold ends when its gate is there.
func settings(pool string, slots, most int, idle string) string {
	return fmt.Sprintf(`
pools:
  cloud: %sslots: %d, max: %d, idleTimeout: %s, lease: 10s}
kinds:
  - {name: work, pool: cloud, command: [sh, -c, 'sleep "$1"', sh, "{{input.seconds}}"], grace: 1s}
  - {name: hold, pool: cloud, command: [sh, -c, 'until [ -e "$1" ]; do sleep 0.05; done', sh, "{{input.gate}}"], grace: 1s}
`, pool, slots, most, idle)
}

// gate is what a task waits for until it is opened.
type gate string

func (s *site) gate() gate { return gate(filepath.Join(s.folder, "gate-"+uuid.NewString())) }

func (g gate) input() map[string]string { return map[string]string{"gate": string(g)} }

func (s *site) unlock(g gate) {
	s.t.Helper()
	s.ok(os.WriteFile(string(g), nil, 0o600))
}

// seconds are how long a task is to take.
func seconds(s string) map[string]string { return map[string]string{"seconds": s} }

func TestFlyStandInFromZeroAndBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 2, 2, "100ms"))
	cloud := s.onFly("cloud")
	s.fromZeroAndBack()
	if machines := cloud.Machines(); len(machines) != 1 || machines[0].State != "stopped" {
		t.Errorf("machines %+v; the one that there is should do", machines)
	}
}

func TestCloudRunStandInFromZeroAndBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 2, 2, "100ms"))
	s.onCloudRun("cloud")
	s.fromZeroAndBack()
}

// fromZeroAndBack submits while no worker runs, again and again: each time one is started, and leaves by itself.
func (s *site) fromZeroAndBack() {
	s.t.Helper()
	const times = 3
	s.control(2)
	for n := range times {
		if s.runs("cloud") > 0 {
			s.t.Error("a worker runs, and nothing is to be done")
		}
		s.submit("work", seconds("0"))
		s.completed()
		s.zero()
		if rows := s.rows(); len(rows) != n+1 || len(s.units()) != n+1 {
			s.t.Errorf("after %d tasks: ledger %v, started %v", n+1, rows, s.units())
		}
	}
	for _, m := range s.all {
		if m.code != 0 {
			s.t.Errorf("a worker that had nothing to do exited with %d", m.code)
		}
	}
	if n := s.number(`SELECT count(*) FROM freshet.fleet_units WHERE failed OR seen_at IS NULL OR reason <> 'its worker left'`); n > 0 {
		s.t.Errorf("%d units did not end as they should", n)
	}
	s.agree()
}
