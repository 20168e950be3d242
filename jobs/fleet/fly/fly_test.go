package fly_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/fleettest"
	"freshet/jobs/fleet/fly"
	"freshet/jobs/fleet/fly/flyfake"
)

func TestMachineIsAsItShouldBeAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Secrets = map[string]string{"DATABASE_URL": "of the app"}
	order := fleet.Order{Intent: newIntent(), Generation: "g1"}
	id, err := s.pool(t, func(c *fly.Config) { c.Size = "performance-2x" }).Start(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	s.until(t, func() bool { return s.Process(id) != nil })
	m := s.Machines()[0]
	if claim := m.Config.Metadata["freshet_claim"]; !strings.HasPrefix(claim, order.Intent.String()+" ") {
		t.Errorf("the claim is %q", claim)
	}
	delete(m.Config.Metadata, "freshet_claim")
	want := &flyfake.Config{
		Image: "registry.fly.io/acme@sha256:ab", Env: map[string]string{"FRESHET_LOG": "json", "FRESHET_GENERATION": "g1"},
		Init:       flyfake.Init{Cmd: []string{"worker", "--pool", "agents", "--idle-exit"}},
		Guest:      &flyfake.Guest{CPUKind: "performance", CPUs: 2, MemoryMB: 4096},
		Metadata:   map[string]string{"freshet_install": "here", "freshet_pool": "agents", "freshet_generation": "g1"},
		Restart:    &flyfake.Restart{Policy: "on-failure", MaxRetries: 3},
		StopConfig: &flyfake.StopConfig{Signal: "SIGTERM", Timeout: "5m0s"},
	}
	if !reflect.DeepEqual(m.Config, want) || m.Region != "nrt" || m.Name != "freshet-"+order.Intent.String() {
		t.Errorf("got  %+v of %+v\nwant %+v", m.Config, m, want)
	}
	env := s.Process(id).(*fleettest.Worker).Env
	if env["FLY_MACHINE_ID"] != id || env["FRESHET_GENERATION"] != "g1" || env["DATABASE_URL"] != "of the app" {
		t.Errorf("the worker has %v", env)
	}
}

// A worker that crashes is started again where it is, three times; then it is known how it ended.
func TestCrashesAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	pool := s.pool(t, nil)
	id := s.start(t, pool)
	for range 4 {
		s.until(t, func() bool { return s.Process(id) != nil })
		s.end(id, fleettest.CrashCode)
		s.until(t, func() bool { return s.Process(id) == nil || s.host.Running() == 1 })
	}
	s.until(t, func() bool { return s.Machines()[0].State == "stopped" })
	units, err := s.pool(t, nil).List(t.Context())
	if err != nil || len(units) != 1 || units[0].State != fleet.Stopped || units[0].Exit == nil ||
		units[0].Exit.Code != fleettest.CrashCode || units[0].Exit.Requested || units[0].Exit.At.IsZero() {
		t.Errorf("got %+v, %v", units, err)
	}
}

func TestLongestIdleIsStartedFirstAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	pool := s.pool(t, nil)
	ids := []string{s.start(t, pool), s.start(t, pool), s.start(t, pool), s.start(t, pool)}
	idle := []int{2, 0, 3, 1}
	for _, i := range idle {
		s.end(ids[i], 0)
		s.until(t, func() bool { return s.state(ids[i]) == "stopped" })
	}
	for _, i := range idle {
		if id := s.start(t, s.pool(t, nil)); id != ids[i] {
			t.Errorf("got %s of %v, want number %d", id, ids, i)
		}
	}
}

func TestOldGenerationIsUpdatedAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	id := s.idle(t)
	next := s.pool(t, func(c *fly.Config) { c.Image = "registry.fly.io/acme@sha256:cd" })
	if again := s.startOf(t, next, "two"); again != id || len(s.Machines()) != 1 {
		t.Errorf("got %s, not %s, of %+v", again, id, s.Machines())
	}
	if c := s.Machines()[0].Config; c.Image != "registry.fly.io/acme@sha256:cd" || c.Env["FRESHET_GENERATION"] != "two" {
		t.Errorf("got %+v", c)
	}
}

// What a replica claimed before it died is to be had after a while, and not before.
func TestAbandonedClaimsAgainstStandIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration
		want int // machines
	}{"just now": {0, 2}, "long ago": {time.Hour, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.claim(t, s.idle(t), newIntent(), c.age)
			s.start(t, s.pool(t, nil))
			if got := len(s.Machines()); got != c.want {
				t.Errorf("there are %d machines, not %d", got, c.want)
			}
		})
	}
}

// A machine whose lease somebody keeps, such as a deployment, is done without.
func TestKeptLeaseAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	id := s.idle(t)
	s.post(t, "/"+id+"/lease", `{"description": "deploy", "ttl": 600}`)
	if other := s.start(t, s.pool(t, nil)); other == id {
		t.Error("it was started under somebody else's lease")
	}
}

// An order that was given to a machine whose host is lost since goes to another.
func TestOrderOfALostHostAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	lost, order := s.idle(t), fleet.Order{Intent: newIntent(), Generation: "one"}
	s.claim(t, lost, order.Intent, 0)
	s.Unreachable()
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if id, err := s.pool(t, nil).Start(ctx, order); err != nil || id == lost || len(s.Machines()) != 2 {
			t.Errorf("got %s, %v, of %+v", id, err, s.Machines())
		}
	}
}

// A replica that goes on with another's order finds, when it has the lease, that the worker has come and gone.
func TestOrderThatRanMeanwhileAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	id, order := s.idle(t), fleet.Order{Intent: newIntent(), Generation: "one"}
	s.claim(t, id, order.Intent, time.Second)
	i := &interrupted{RoundTripper: s.transport, sort: isPost("/lease"), do: func() {
		if _, err := s.pool(t, nil).Start(t.Context(), order); err != nil {
			t.Error(err)
		}
		s.until(t, func() bool { return s.Process(id) != nil })
		s.end(id, 0)
		s.until(t, func() bool { return s.state(id) == "stopped" })
	}}
	again, err := s.pool(t, func(c *fly.Config) { c.Transport = i }).Start(t.Context(), order)
	if err != nil || again != id || s.Requests(flyfake.Start) != 2 {
		t.Errorf("got %s, %v; %d starts", again, err, s.Requests(flyfake.Start))
	}
}

// interrupted lets something happen just before the first request of a sort is sent.
type interrupted struct {
	http.RoundTripper

	sort func(*http.Request) bool
	once sync.Once
	do   func()
}

func (i *interrupted) RoundTrip(r *http.Request) (*http.Response, error) {
	if i.sort(r) {
		i.once.Do(i.do)
	}
	return i.RoundTripper.RoundTrip(r)
}

// isPost tells requests by the end of their path.
func isPost(end string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, end) }
}

// Another replica carries out the same order, all of it, between the look of this one and its own claim.
func TestReplicasThatMissEachOtherAgainstStandIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stopped    int // machines that wait
		generation string
		between    func(*http.Request) bool
	}{
		"claims":    {2, "one", isPost("/metadata/freshet_claim")},
		"starts":    {2, "one", isPost("/start")},
		"updates":   {2, "two", func(r *http.Request) bool { return r.Method == http.MethodPost && strings.Count(r.URL.Path, "/") == 5 }},
		"creations": {0, "one", isPost("/machines")},
		"leases":    {2, "one", isPost("/lease")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.idles(t, c.stopped)
			order := fleet.Order{Intent: newIntent(), Generation: c.generation}
			var first string
			var firstErr error
			i := &interrupted{RoundTripper: s.transport, sort: c.between, do: func() {
				// What has been claimed is another's: it can only be waited for.
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				first, firstErr = s.pool(t, nil).Start(ctx, order)
			}}
			second, err := s.pool(t, func(c *fly.Config) { c.Transport = i }).Start(t.Context(), order)
			if err != nil || errors.Is(firstErr, fleet.ErrRefused) || first != "" && first != second {
				t.Fatalf("got %q, %v and then %q, %v", first, firstErr, second, err)
			}
			s.until(t, func() bool { return s.host.Running() > 0 })
			var alive int
			for _, m := range s.Machines() {
				if m.State != "stopped" && m.State != "created" {
					alive++
				}
			}
			if alive != 1 {
				t.Errorf("%d run: %+v", alive, s.Machines())
			}
		})
	}
}

// Lists are fetched once for all who want one, kept for a moment, and fetched anew after what was changed here.
func TestListsAreSharedAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	pool := s.pool(t, func(c *fly.Config) { c.Pace = time.Minute })
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, err := pool.List(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := s.Requests(flyfake.List); n != 1 {
		t.Errorf("%d lists for ten who want one", n)
	}
	if err := pool.Destroy(t.Context(), "unknown"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Requests(flyfake.List); n != 2 {
		t.Errorf("%d lists, of which one is after a change", n)
	}
}

// What Fly says is in the error, with what its support asks for.
func TestRefusalsSayWhyAgainstStandIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Misbehave(flyfake.Fault{Action: flyfake.Create, Times: 1, Status: http.StatusBadRequest, Message: "invalid_argument: no such image"})
	_, err := s.pool(t, nil).Start(t.Context(), fleet.Order{Intent: newIntent(), Generation: "one"})
	var refusal *fly.Error
	if !errors.Is(err, fleet.ErrRefused) || !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest ||
		refusal.Message != "invalid_argument: no such image" || !strings.HasPrefix(refusal.RequestID, "stand-in-") {
		t.Errorf("got %v", err)
	}
}
