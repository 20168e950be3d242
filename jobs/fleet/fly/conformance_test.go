package fly_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/fleettest"
	"freshet/jobs/fleet/fly"
	"freshet/jobs/fleet/fly/flyfake"
)

func TestMain(m *testing.M) { fleettest.Main(m) }

// stand is the stand-in of Fly, and the processes of its machines.
type stand struct {
	*flyfake.Server

	host      *fleettest.Host
	transport *http.Transport
}

func newStand(t *testing.T) *stand {
	t.Helper()
	host := fleettest.NewHost(t)
	s := &stand{host: host, transport: &http.Transport{}}
	s.Server = flyfake.New(func(env map[string]string) (flyfake.Process, error) { return host.Start(env) })
	t.Cleanup(func() {
		s.transport.CloseIdleConnections()
		s.Close()
	})
	return s
}

// pool is a hold on a pool, which hurries as Fly itself would not let it.
func (s *stand) pool(t *testing.T, change func(*fly.Config)) fleet.Fleet {
	t.Helper()
	config := fly.Config{
		BaseURL: s.URL, Token: "FlyV1 " + flyfake.Token, App: flyfake.App, Image: "registry.fly.io/acme@sha256:ab", Install: "here", Pool: "agents",
		Regions: []string{"nrt", "sin"}, Command: []string{"worker", "--pool", "agents", "--idle-exit"},
		Env: map[string]string{"FRESHET_LOG": "json"}, Pace: 4 * time.Millisecond, Transport: s.transport,
	}
	if change != nil {
		change(&config)
	}
	provider, err := fly.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return provider.Fleet
}

func (s *stand) end(id string, code int) {
	s.Process(id).(*fleettest.Worker).End(code)
}

func TestConformanceAgainstStandIn(t *testing.T) {
	t.Parallel()
	fleettest.Run(t, func(t *testing.T) fleettest.Rig {
		t.Helper()
		s := newStand(t)
		return fleettest.Rig{
			Replica: func() fleet.Fleet { return s.pool(t, nil) },
			Running: s.host.Running,
			End:     func(id string) { s.end(id, 0) },
			Foreign: func() { s.foreign(t) },
			Faults:  s.faults(),
		}
	})
}

// foreign leaves machines of another pool and another installation, one running and one stopped each, and one
// that nobody of ours made.
func (s *stand) foreign(t *testing.T) {
	t.Helper()
	for _, change := range []func(*fly.Config){
		func(c *fly.Config) { c.Pool = "others" }, func(c *fly.Config) { c.Install = "elsewhere" },
	} {
		pool := s.pool(t, change)
		id := s.start(t, pool)
		s.start(t, pool)
		s.end(id, 0)
	}
	s.post(t, "", `{"name": "detached", "config": {"image": "nginx"}, "skip_launch": true}`)
}

func (s *stand) faults() []fleettest.Fault {
	refused := func(name string, outcome fleettest.Outcome, faults ...flyfake.Fault) fleettest.Fault {
		return fleettest.Fault{Name: name, Outcome: outcome, Heal: s.Behave, Inject: func(fleettest.Rig) { s.Misbehave(faults...) }}
	}
	well, no, unclear := fleettest.Well, fleettest.Refused, fleettest.Unclear
	noRoom := flyfake.Fault{Times: flyfake.Forever, Status: http.StatusUnprocessableEntity, Code: "insufficient_capacity", Message: "could not find a candidate host"}
	of := func(action, region string) flyfake.Fault {
		fault := noRoom
		fault.Action, fault.Region = action, region
		return fault
	}
	const conflict, early = http.StatusConflict, http.StatusPreconditionFailed
	slow, unavailable := http.StatusRequestTimeout, http.StatusServiceUnavailable
	return []fleettest.Fault{
		refused("408, and it was done", well, flyfake.Fault{Times: 8, Status: slow, Done: true}),
		refused("408 to create, and it was done", well, flyfake.Fault{Action: flyfake.Create, Times: 1, Status: slow, Done: true}),
		refused("408, and it was not done", well, flyfake.Fault{Times: 8, Status: slow}),
		refused("429", well, flyfake.Fault{Times: 8, Status: http.StatusTooManyRequests, Message: "rate limit exceeded"}),
		refused("500 and 503", well, flyfake.Fault{Times: 4, Status: 500}, flyfake.Fault{Times: 4, Status: unavailable}),
		refused("connections break", well, flyfake.Fault{Times: 6}),
		refused("connections break when it is done", well, flyfake.Fault{Times: 6, Done: true}),
		refused("409 to start", well, flyfake.Fault{Action: flyfake.Start, Times: 2, Status: conflict, Message: "aborted: concurrent update"}),
		refused("409 to lease", well, flyfake.Fault{Action: flyfake.Lease, Times: 3, Status: conflict, Message: "lease currently held by deploy"}),
		refused("412 to start", well, flyfake.Fault{Action: flyfake.Start, Times: 3, Status: early, Message: "machine getting replaced, refusing to start"}),
		refused("412 to start, and it was done", well, flyfake.Fault{Action: flyfake.Start, Times: 1, Status: early, Done: true}),
		refused("no room in the first region", well, of(flyfake.Create, "nrt"), of(flyfake.Start, "nrt")),
		refused("no room to start", no, of(flyfake.Start, "")),
		refused("no room on the machine's host", well, flyfake.Fault{
			Action: flyfake.Start, Times: 1, Status: conflict, Message: "aborted: insufficient CPUs available to fulfill request on the current host",
		}),
		refused("no room anywhere", no, of(flyfake.Create, ""), of(flyfake.Start, "")),
		refused("the token is not good", no, flyfake.Fault{Times: flyfake.Forever, Status: http.StatusUnauthorized, Message: "unauthorized"}),
		refused("the app does not exist", no, flyfake.Fault{Action: flyfake.List, Times: flyfake.Forever, Status: http.StatusNotFound, Message: "app not found"}),
		refused("Fly is away", unclear, flyfake.Fault{Times: flyfake.Forever, Status: unavailable}),
		refused("nothing can be started", unclear, flyfake.Fault{Action: flyfake.Start, Times: flyfake.Forever, Status: unavailable}),
		refused("it starts, and never says so", unclear, flyfake.Fault{Action: flyfake.Start, Times: flyfake.Forever, Status: slow, Done: true}),
		{Name: "the host does not answer", Inject: func(fleettest.Rig) { s.Unreachable() }},
		{Name: "a machine is stuck", Inject: func(fleettest.Rig) { s.Stick("replacing", time.Hour) }},
		{Name: "a machine has failed", Inject: func(fleettest.Rig) { s.Stick("failed", 0) }},
		{Name: "a slow boot", Inject: func(fleettest.Rig) { s.Boot(300 * time.Millisecond) }},
	}
}

func (s *stand) start(t *testing.T, pool fleet.Fleet) string {
	t.Helper()
	return s.startOf(t, pool, "one")
}

func (s *stand) startOf(t *testing.T, pool fleet.Fleet, generation string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	id, err := pool.Start(ctx, fleet.Order{Intent: newIntent(), Generation: generation})
	if err != nil {
		t.Fatal(err)
	}
	s.until(t, func() bool { return s.Process(id) != nil })
	return id
}
