package cloudrun_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/cloudrun"
	"freshet/jobs/fleet/cloudrun/runfake"
	"freshet/jobs/fleet/fleettest"
)

func TestMain(m *testing.M) { fleettest.Main(m) }

const job = "projects/acme/locations/asia-northeast1/jobs/worker"

func pool() cloudrun.Pool {
	return cloudrun.Pool{Project: "acme", Location: "asia-northeast1", Job: "worker", Install: "here", Name: "default"}
}

// stage is a stand-in for Cloud Run with processes that are real.
type stage struct {
	*runfake.Server

	t    *testing.T
	host *fleettest.Host
	url  string

	mu      sync.Mutex
	workers map[string]*fleettest.Worker // by their execution
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, host: fleettest.NewHost(t), workers: map[string]*fleettest.Worker{}}
	s.Server = runfake.New(s.start, map[string]map[string]string{job: {"DATABASE_URL": "postgres://example"}})
	t.Cleanup(s.Close)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *stage) start(execution string, env map[string]string) (runfake.Process, error) {
	worker, err := s.host.Start(env)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers[execution] = worker
	return worker, nil
}

// worker is the process of an execution, which has one already.
func (s *stage) worker(id string) *fleettest.Worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.workers[id]
}

// end has the worker of an execution end with a code, as soon as it has one.
func (s *stage) end(id string, code int) {
	await(s.t, func() bool { return s.worker(id) != nil })
	s.worker(id).End(code)
}

// replica is a hold on the pool that shares nothing with others.
func (s *stage) replica() fleet.Fleet {
	client := cloudrun.NewClient(cloudrun.Options{
		Endpoint: s.url, Tokens: cloudrun.Static("secret"), Pause: time.Millisecond, Rate: rate.Inf,
	})
	s.t.Cleanup(client.Close)
	return cloudrun.New(client, pool())
}

// foreign has executions of others, that run and that have ended.
func (s *stage) foreign() {
	ours := map[string]string{
		"FRESHET_INSTALL": "here", "FRESHET_POOL": "default", "FRESHET_INTENT": "0199d3a0-0000-7000-8000-000000000001",
	}
	for _, change := range []map[string]string{
		{"FRESHET_INSTALL": "elsewhere"}, {"FRESHET_POOL": "heavy"}, {"FRESHET_INTENT": ""}, {"FRESHET_INSTALL": ""},
	} {
		env := maps.Clone(ours)
		maps.Copy(env, change)
		s.Execute(job, env)
		s.end(s.Execute(job, env), 0)
	}
	s.Execute(job, nil)
	await(s.t, func() bool { return s.host.Running() == 5 })
}

func await(t *testing.T, yes func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(30*time.Second), time.NewTicker(time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !yes() {
		select {
		case <-deadline.C:
			t.Fatal("it did not come to pass")
		case <-tick.C:
		}
	}
}

func TestConformanceAgainstStandIn(t *testing.T) {
	t.Parallel()
	fleettest.Run(t, func(t *testing.T) fleettest.Rig {
		t.Helper()
		s := newStage(t)
		return fleettest.Rig{
			Replica: s.replica,
			Running: s.host.Running,
			End:     func(id string) { s.end(id, 0) },
			Foreign: s.foreign,
			Faults:  s.faults(),
		}
	})
}

func (s *stage) faults() []fleettest.Fault {
	inject := func(name string, outcome fleettest.Outcome, faults ...runfake.Fault) fleettest.Fault {
		return fleettest.Fault{Name: name, Outcome: outcome, Heal: s.Heal, Inject: func(fleettest.Rig) {
			for _, fault := range faults {
				s.Inject(fault)
			}
		}}
	}
	const run, list = runfake.Run, runfake.List
	release := func() {}
	return []fleettest.Fault{
		inject("429 now and then", fleettest.Well,
			runfake.Fault{Times: 1, Status: http.StatusTooManyRequests, Code: "RESOURCE_EXHAUSTED"},
			runfake.Fault{On: run, Times: 2, Status: http.StatusTooManyRequests, Code: "RESOURCE_EXHAUSTED"}),
		inject("5xx now and then", fleettest.Well,
			runfake.Fault{On: list, Times: 2, Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE"},
			runfake.Fault{On: run, Times: 1, Status: http.StatusInternalServerError, Code: "INTERNAL"},
			runfake.Fault{On: run, Times: 1, Status: http.StatusBadGateway}),
		inject("the job is being changed", fleettest.Well,
			runfake.Fault{On: run, Times: 1, Status: http.StatusConflict, Code: "ABORTED"}),
		inject("a request that is lost", fleettest.Well, runfake.Fault{On: run, Times: 1}),
		inject("an answer that is lost", fleettest.Well, runfake.Fault{On: run, Times: 1, Done: true}),
		inject("504 that did create", fleettest.Well,
			runfake.Fault{On: run, Times: 1, Done: true, Status: http.StatusGatewayTimeout, Code: "DEADLINE_EXCEEDED"}),
		inject("429 in spite of what was done before", fleettest.Well,
			runfake.Fault{On: run, Times: 1, Done: true}, runfake.Fault{On: list, Times: 1, Status: http.StatusTooManyRequests}),
		inject("no service", fleettest.Unclear, runfake.Fault{Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE"}),
		inject("no answer to jobs:run", fleettest.Unclear, runfake.Fault{On: run}),
		inject("the quota is used up", fleettest.Refused,
			runfake.Fault{On: run, Status: http.StatusTooManyRequests, Code: "RESOURCE_EXHAUSTED", RetryAfter: time.Minute}),
		inject("no permission", fleettest.Refused,
			runfake.Fault{On: run, Status: http.StatusForbidden, Code: "PERMISSION_DENIED"}),
		{
			Name: "a slow boot", Outcome: fleettest.Well,
			Inject: func(fleettest.Rig) { release = s.HoldBoots() }, Heal: func() { release() },
		},
	}
}
