package clouds_test

import (
	"net/http"
	"testing"
	"time"

	"freshet/jobs/fleet/cloudrun/runfake"
	"freshet/jobs/fleet/fly/flyfake"
)

// burst submits more than the workers of the pool can run at once.
func (s *site) burst() { s.tasks(10, "0.1") }

func (s *site) tasks(n int, each string) {
	s.t.Helper()
	for range n {
		s.submit("work", seconds(each))
	}
}

// flood has more wait all the time than workers can run, from before a worker dies until after it is known to be dead.
func (s *site) flood(kill func()) {
	s.t.Helper()
	s.tasks(8, "1")
	kill()
	for known := false; !known; {
		known = s.number(`SELECT count(*) FROM freshet.workers WHERE died_at IS NOT NULL`) > 0
		s.tasks(4, "1")
		s.until("most of it is done", func() bool { return s.number(`SELECT count(*) FROM freshet.attempts WHERE state = 'queued'`) < 5 })
	}
}

// running waits until a worker of the pool runs something, and answers its process.
func (s *site) running() *machine {
	s.t.Helper()
	var found *machine
	s.until("a worker runs something", func() bool {
		for _, m := range s.living("cloud") {
			if s.number(`SELECT count(*) FROM freshet.attempts a JOIN freshet.workers w ON w.id = a.worker_id
				WHERE a.state = 'running' AND w.pid = $1 AND w.died_at IS NULL`, m.cmd.Process.Pid) > 0 {
				found = m
			}
		}
		return found != nil
	})
	return found
}

func TestFlyStandInMisbehavesDuringABurst(t *testing.T) {
	t.Parallel()
	const conflict, early, slow = http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestTimeout
	faults := func(faults ...flyfake.Fault) func(*site, *flyfake.Server) {
		return func(s *site, cloud *flyfake.Server) {
			cloud.Misbehave(faults...)
			s.burst()
		}
	}
	for name, run := range map[string]func(*site, *flyfake.Server){
		"408, and broken connections, and it was done": faults(flyfake.Fault{Times: 12, Status: slow, Done: true}, flyfake.Fault{Times: 8, Done: true}),
		"409, and 412 although it was done": faults(
			flyfake.Fault{Action: flyfake.Lease, Times: 4, Status: conflict}, flyfake.Fault{Action: flyfake.Start, Times: 3, Status: conflict},
			flyfake.Fault{Action: flyfake.Start, Times: 2, Status: early, Done: true},
		),
		"429 and 5xx":                faults(flyfake.Fault{Times: 8, Status: 429}, flyfake.Fault{Times: 4, Status: 500}, flyfake.Fault{Times: 4, Status: 503}),
		"a region has no room":       faults(noRoom(flyfake.Forever, "nrt")),
		"no region has, for a while": faults(noRoom(6, "")),
		"the answer to a start is lost, again and again": func(s *site, cloud *flyfake.Server) {
			cloud.Misbehave(flyfake.Fault{Action: flyfake.Start, Times: flyfake.Forever, Status: slow, Done: true})
			s.burst()
			s.running()
			cloud.Behave()
		},
		"the hosts of stopped machines do not answer": func(s *site, cloud *flyfake.Server) {
			s.submit("work", seconds("0"))
			s.completed()
			s.zero()
			cloud.Unreachable()
			s.burst()
		},
		"a slow boot": func(s *site, cloud *flyfake.Server) {
			cloud.Boot(time.Second)
			s.burst()
		},
		"a worker is killed, and started again": func(s *site, _ *flyfake.Server) {
			s.flood(func() { s.running().kill() })
		},
		"a machine is lost": func(s *site, cloud *flyfake.Server) {
			s.flood(func() { cloud.Lose(s.running().unit) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, settings(flyPool, 2, 2, "300ms"))
			cloud := s.onFly("cloud")
			s.control(2)
			run(s, cloud)
			s.agree()
		})
	}
}

// noRoom is how Fly says that a region, or none, has room for a machine.
func noRoom(times int, region string) flyfake.Fault {
	return flyfake.Fault{
		Action: flyfake.Create, Region: region, Times: times, Status: http.StatusUnprocessableEntity, Code: "insufficient_capacity",
		Message: "could not find a candidate host",
	}
}

func TestCloudRunStandInMisbehavesDuringABurst(t *testing.T) {
	t.Parallel()
	faults := func(faults ...runfake.Fault) func(*site, *runfake.Server) {
		return func(s *site, cloud *runfake.Server) {
			for _, fault := range faults {
				cloud.Inject(fault)
			}
			s.burst()
		}
	}
	const exhausted, unavailable = "RESOURCE_EXHAUSTED", "UNAVAILABLE"
	for name, run := range map[string]func(*site, *runfake.Server){
		"429, and the job is changed": faults(
			runfake.Fault{On: runfake.Run, Times: 4, Status: 429, Code: exhausted}, runfake.Fault{On: runfake.List, Times: 4, Status: 429, Code: exhausted},
			runfake.Fault{On: runfake.Run, Times: 2, Status: http.StatusConflict, Code: "ABORTED"},
		),
		"5xx": faults(runfake.Fault{Times: 6, Status: 503, Code: unavailable}, runfake.Fault{On: runfake.Run, Times: 2, Status: 500, Code: "INTERNAL"}),
		"504, and lost answers, and it was done": faults(
			runfake.Fault{On: runfake.Run, Times: 1, Done: true, Status: 504, Code: "DEADLINE_EXCEEDED"}, runfake.Fault{On: runfake.Run, Times: 1, Done: true},
		),
		"no permission at first": faults(runfake.Fault{On: runfake.Run, Times: 2, Status: http.StatusForbidden, Code: "PERMISSION_DENIED"}),
		"a slow boot": func(s *site, cloud *runfake.Server) {
			release := cloud.HoldBoots()
			s.burst()
			s.until("two executions are on their way", func() bool { return s.number(`SELECT count(*) FROM freshet.fleet_units WHERE state = 'starting'`) == 2 })
			release()
		},
		"a worker is killed": func(s *site, _ *runfake.Server) {
			s.flood(func() { s.running().kill() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, settings(runPool, 2, 2, "300ms"))
			cloud := s.onCloudRun("cloud")
			s.control(2)
			run(s, cloud)
			s.agree()
		})
	}
}
