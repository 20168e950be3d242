package cloudrun_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/cloudrun"
	"freshet/jobs/fleet/cloudrun/runfake"
	"freshet/jobs/fleet/fleettest"
)

func order() fleet.Order { return fleet.Order{Intent: uuid.New(), Generation: "one"} }

func start(t *testing.T, f fleet.Fleet, order fleet.Order) string {
	t.Helper()
	id, err := f.Start(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func list(t *testing.T, f fleet.Fleet) map[string]fleet.Unit {
	t.Helper()
	units, err := f.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]fleet.Unit{}
	for _, unit := range units {
		found[unit.ID] = unit
	}
	return found
}

func TestStandInUnitsAreListedAsTheyEnded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.replica()
	idle, crashed, killed, stopped := start(t, f, order()), start(t, f, order()), start(t, f, order()), start(t, f, order())
	s.end(idle, 0)
	s.end(crashed, fleettest.CrashCode)
	await(t, func() bool { return s.worker(killed) != nil })
	s.worker(killed).Signal(syscall.SIGKILL)
	if err := f.Stop(t.Context(), stopped); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		return !slices.ContainsFunc(units(t, f), func(u fleet.Unit) bool { return u.State.Alive() })
	})
	for id, want := range map[string]struct {
		state fleet.State
		exit  fleet.Exit
	}{
		idle:    {fleet.Stopped, fleet.Exit{}},
		crashed: {fleet.Failed, fleet.Exit{Code: fleettest.CrashCode}},
		killed:  {fleet.Failed, fleet.Exit{Code: 128 + 9, OutOfMemory: true}},
		stopped: {fleet.Stopped, fleet.Exit{Requested: true}},
	} {
		unit := list(t, f)[id]
		if unit.State != want.state || unit.Exit == nil || unit.Exit.At.Before(unit.Since) {
			t.Errorf("%s: got %+v, want %+v", id, unit, want)
			continue
		}
		want.exit.At = unit.Exit.At
		if *unit.Exit != want.exit {
			t.Errorf("%s: it ended as %+v, not %+v", id, *unit.Exit, want.exit)
		}
	}
}

func units(t *testing.T, f fleet.Fleet) []fleet.Unit {
	t.Helper()
	units, err := f.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return units
}

func TestStandInStatesOnTheWay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.replica()
	release := s.HoldBoots()
	id := start(t, f, order())
	if got := list(t, f)[id].State; got != fleet.Starting {
		t.Errorf("while it boots it is %s", got)
	}
	release()
	await(t, func() bool { return list(t, f)[id].State == fleet.Running })
	s.worker(id).Signal(syscall.SIGSTOP) // so that it does not hear
	if err := f.Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := list(t, f)[id].State; got != fleet.Stopping {
		t.Errorf("while it leaves it is %s", got)
	}
	s.worker(id).Signal(syscall.SIGCONT)
	await(t, func() bool { return list(t, f)[id].State == fleet.Stopped })
}

func TestStandInListHasAllPages(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.HoldBoots() // for good: nobody needs the processes
	const n = 2*runfake.MaxPage + 1
	for range n {
		s.Execute(job, map[string]string{
			"FRESHET_INSTALL": "here", "FRESHET_POOL": "default", "FRESHET_INTENT": uuid.NewString(),
		})
	}
	if got := len(list(t, s.replica())); got != n {
		t.Errorf("got %d of %d", got, n)
	}
}

func TestStandInDuplicatesAreCancelled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	order := order()
	var ids []string
	for range 3 {
		ids = append(ids, s.Execute(job, map[string]string{
			"FRESHET_INSTALL": "here", "FRESHET_POOL": "default", "FRESHET_INTENT": order.Intent.String(),
		}))
	}
	await(t, func() bool { return s.host.Running() == 3 })
	for range 2 {
		if got := start(t, s.replica(), order); got != ids[0] {
			t.Errorf("got %s, not the first of %v", got, ids)
		}
	}
	await(t, func() bool { return s.host.Running() == 1 })
	if got := list(t, s.replica())[ids[0]].State; got != fleet.Running {
		t.Errorf("the first is %s", got)
	}
}

// Cancelling a duplicate is for what could not be seen: what can be seen is not made twice.
func TestStandInLostAnswerMakesNoDuplicate(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Inject(runfake.Fault{On: runfake.Run, Times: 1, Done: true})
	order := order()
	first := start(t, s.replica(), order)
	if again := start(t, s.replica(), order); again != first {
		t.Errorf("again: %s, not %s", again, first)
	}
	if all := list(t, s.replica()); len(all) != 1 {
		t.Errorf("there are %+v", all)
	}
}

// A list that lags does not show what was made a moment ago.
func TestStandInExecutionCountsBeforeItIsListed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	blind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/executions") {
			_, _ = w.Write([]byte("{}"))
			return
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(blind.Close)
	s.url = blind.URL
	id := start(t, s.replica(), order())
	await(t, func() bool { return s.worker(id) != nil })
	if n := s.host.Running(); n != 1 {
		t.Errorf("%d run", n)
	}
}

// Only what is known not to run is refused.
func TestStandInRefusals(t *testing.T) {
	t.Parallel()
	denied := runfake.Fault{On: runfake.Run, Status: http.StatusForbidden, Code: "PERMISSION_DENIED"}
	unlisted := runfake.Fault{On: runfake.List, Status: http.StatusForbidden, Code: "PERMISSION_DENIED"}
	lost := runfake.Fault{On: runfake.Run, Times: 1}
	for name, c := range map[string]struct {
		faults  []runfake.Fault
		refused bool
	}{
		"run is denied":                            {[]runfake.Fault{denied}, true},
		"list is denied":                           {[]runfake.Fault{unlisted}, false},
		"run is denied after a request was lost":   {[]runfake.Fault{lost, denied}, false},
		"run is too much, and the time is up":      {[]runfake.Fault{{On: runfake.Run, Status: 429, RetryAfter: time.Hour}}, true},
		"run is lost, then too much until the end": {[]runfake.Fault{lost, {On: runfake.Run, Status: 429, RetryAfter: time.Hour}}, false},
		"list is too much, and the time is up":     {[]runfake.Fault{{On: runfake.List, Status: 429, RetryAfter: time.Hour}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			for _, fault := range c.faults {
				s.Inject(fault)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			id, err := s.replica().Start(ctx, order())
			if err == nil || errors.Is(err, fleet.ErrRefused) != c.refused {
				t.Errorf("got %q, %v", id, err)
			}
			if _, answered := errors.AsType[*cloudrun.Error](err); !answered {
				t.Errorf("the answer is lost in %v", err)
			}
		})
	}
}

// inMemory hands requests to a handler without a network, so that time can be false.
type inMemory struct{ http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	m.ServeHTTP(answer, r)
	return answer.Result(), nil
}

func TestRetriesWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []runfake.Fault
		within time.Duration
		least  time.Duration
		most   time.Duration
		err    bool
	}{
		"none":        {nil, time.Minute, 0, 0, false},
		"backoff":     {[]runfake.Fault{{Times: 3, Status: 503}}, time.Minute, 3500 * time.Millisecond, 4400 * time.Millisecond, false},
		"Retry-After": {[]runfake.Fault{{Times: 1, Status: 429, RetryAfter: 7 * time.Second}}, time.Minute, 7 * time.Second, 7 * time.Second, false},
		"too late":    {[]runfake.Fault{{Times: 1, Status: 429, RetryAfter: 7 * time.Second}}, 5 * time.Second, 0, 0, true},
		"no use":      {[]runfake.Fault{{Status: 503}}, 10 * time.Second, 7 * time.Second, 10 * time.Second, true},
		"no retry":    {[]runfake.Fault{{Status: 403}}, time.Minute, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := runfake.New(nil, map[string]map[string]string{job: nil})
				defer server.Close()
				for _, fault := range c.faults {
					server.Inject(fault)
				}
				client := cloudrun.NewClient(cloudrun.Options{Tokens: cloudrun.Static("secret"), Transport: inMemory{server}})
				ctx, cancel := context.WithTimeout(t.Context(), c.within)
				defer cancel()
				begin := time.Now()
				_, err := cloudrun.New(client, pool()).List(ctx)
				if took := time.Since(begin); took < c.least || took > c.most || (err != nil) != c.err {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

func TestRequestsAreRationed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := runfake.New(nil, map[string]map[string]string{job: nil})
		defer server.Close()
		client := cloudrun.NewClient(cloudrun.Options{
			Tokens: cloudrun.Static("secret"), Transport: inMemory{server}, Rate: rate.Every(2 * time.Second),
		})
		f, begin := cloudrun.New(client, pool()), time.Now()
		for range 20 + 5 {
			if _, err := f.List(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("5 requests beyond the burst took %v", took)
		}
	})
}

func TestUnknownJobIsSaidToBeUnknown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	client := cloudrun.NewClient(cloudrun.Options{Endpoint: s.url, Tokens: cloudrun.Static("secret"), Rate: rate.Inf})
	defer client.Close()
	wrong := pool()
	wrong.Job = "wrong"
	_, err := cloudrun.New(client, wrong).Start(t.Context(), order())
	if err == nil || !strings.Contains(err.Error(), "404 NOT_FOUND") || !strings.Contains(err.Error(), "jobs/wrong") {
		t.Errorf("got %v", err)
	}
}
