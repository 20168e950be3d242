package metrics_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"freshet/jobs"
	"freshet/jobs/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a database that says what it is told to.
type source struct {
	stats jobs.Stats
	err   error
	asked atomic.Int32
}

func (s *source) Stats(context.Context) (jobs.Stats, error) {
	s.asked.Add(1)
	return s.stats, s.err
}

func (*source) Connections() jobs.Connections {
	return jobs.Connections{Acquired: 2, Idle: 3, Max: 16, Acquires: 40, Waits: 5, Waited: time.Second}
}

func busy() *source {
	return &source{stats: jobs.Stats{
		Pools: []jobs.PoolStats{{
			Pool: "default", Queued: 7, Oldest: 90 * time.Second, Running: 3, Workers: 2, Slots: 8, Units: map[jobs.UnitState]int{jobs.UnitUp: 2}, Started: 7, Ended: map[jobs.UnitOutcome]int{jobs.UnitLeft: 5, jobs.UnitLate: 1},
		}},
		Kinds: []jobs.KindStats{{Kind: "report", Waiting: map[jobs.WaitReason]int{jobs.WaitQueued: 7}, Running: 3}},
	}}
}

// page is what somebody who asks is shown.
func page(t *testing.T, replica http.Handler) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	replica.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

func wantLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	all := strings.Split(page, "\n")
	for _, line := range lines {
		if !slices.Contains(all, line) {
			t.Errorf("there is no line %q in\n%s", line, page)
		}
	}
}

// everything has done all that a replica counts.
func everything(s metrics.Source) *metrics.Replica {
	r := metrics.NewReplica("1.2.3", s)
	r.Request(http.MethodGet, "/v1/tasks/{id}", http.StatusOK, 20*time.Millisecond)
	r.Request("BREW", "", http.StatusNotFound, 20*time.Millisecond)
	r.StreamOpened()
	r.StreamOpened()
	r.StreamClosed()
	r.ConnectionRefused()
	r.Delivery(metrics.DeliveryDone)
	r.Order("default", metrics.OrderRefused)
	r.WorkersLost(2)
	r.TakenOver(3)
	return r
}

func TestReplica(t *testing.T) {
	t.Parallel()
	wantLines(t, page(t, everything(busy())),
		`freshet_build_info{version="1.2.3"} 1`,
		`freshet_queue_depth{pool="default"} 7`, `freshet_queue_oldest_seconds{pool="default"} 90`, `freshet_pool_running{pool="default"} 3`,
		`freshet_workers{pool="default"} 2`, `freshet_worker_slots{pool="default"} 8`, `freshet_fleet_units{pool="default",state="up"} 2`,
		`freshet_fleet_starts_total{pool="default"} 7`, `freshet_fleet_exits_total{outcome="left",pool="default"} 5`,
		`freshet_fleet_exits_total{outcome="late",pool="default"} 1`, `freshet_fleet_exits_total{outcome="died",pool="default"} 0`,
		"# TYPE freshet_fleet_exits_total counter", `freshet_fleet_orders_total{pool="default",result="refused"} 1`,
		`freshet_tasks_pending{kind="report",reason="queued"} 7`, `freshet_tasks_running{kind="report"} 3`,
		`freshet_http_request_seconds_count{method="GET",route="/v1/tasks/{id}",status="2xx"} 1`,
		`freshet_http_request_seconds_count{method="other",route="none",status="4xx"} 1`,
		`freshet_streams_open 1`, `freshet_connections_refused_total 1`, `freshet_deliveries_total{result="delivered"} 1`, `freshet_deliveries_total{result="given_up"} 0`,
		`freshet_workers_lost_total 2`, `freshet_attempts_taken_over_total 3`,
		`freshet_db_connections{state="in_use"} 2`, `freshet_db_connections{state="idle"} 3`, `freshet_db_connections_max 16`,
		`freshet_db_acquires_total 40`, `freshet_db_acquire_waits_total 5`, `freshet_db_acquire_wait_seconds_total 1`,
	)
}

// The database is asked at most every five seconds; when it does not answer, what it said stays, and grows old.
func TestLoadIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		database := &source{err: errors.New("away")}
		replica := metrics.NewReplica("1", database)
		if text := page(t, replica); strings.Contains(text, "freshet_queue_depth") || strings.Contains(text, "freshet_load_age_seconds") {
			t.Errorf("what nobody has said is shown:\n%s", text)
		}
		database.stats, database.err = busy().stats, nil
		wantLines(t, page(t, replica), `freshet_queue_depth{pool="default"} 7`, "freshet_load_age_seconds 0")
		asked := database.asked.Load()
		for range 100 {
			page(t, replica)
		}
		if now := database.asked.Load(); now != asked {
			t.Errorf("a hundred scrapes at once ask the database %d times", now-asked)
		}
		<-time.After(time.Minute)
		database.err = errors.New("asleep")
		wantLines(t, page(t, replica), `freshet_queue_depth{pool="default"} 7`, "freshet_load_age_seconds 60")
		database.stats.Pools[0].Queued, database.err = 1, nil
		wantLines(t, page(t, replica), `freshet_queue_depth{pool="default"} 1`, "freshet_load_age_seconds 0")
	})
}

// worked has done all that a worker counts.
func worked() *metrics.Worker {
	w := metrics.NewWorker("1.2.3", "default", 4, (&source{}).Connections)
	now := time.Now()
	for range 3 {
		w.Started(jobs.Claim{Kind: "report", QueuedAt: now, StartedAt: now.Add(2 * time.Second)})
	}
	w.Started(jobs.Claim{Kind: "report", QueuedAt: now.Add(time.Second), StartedAt: now}) // by a clock that is ahead
	w.Ended("report", jobs.OutcomeCompleted, "", 3*time.Second)
	w.Ended("report", jobs.OutcomeFailed, jobs.CodeExit, 3*time.Second)
	w.Ended("report", jobs.OutcomeLost, jobs.CodeLost, time.Second)
	return w
}

// server is a Worker or a Host.
type server interface {
	Serve(context.Context, net.Listener, *slog.Logger) error
}

// served is what a port of its own shows.
func served(t *testing.T, w server, path string) (status int, text string) {
	t.Helper()
	socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx, socket, slog.New(slog.DiscardHandler)) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+socket.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestWorker(t *testing.T) {
	t.Parallel()
	status, text := served(t, worked(), "/metrics")
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	wantLines(t, text,
		`freshet_attempts_started_total{kind="report",pool="default"} 4`,
		`freshet_attempts_ended_total{code="",kind="report",outcome="completed",pool="default"} 1`,
		`freshet_attempts_ended_total{code="exit",kind="report",outcome="failed",pool="default"} 1`,
		`freshet_attempt_wait_seconds_sum{kind="report",pool="default"} 6`, `freshet_attempt_wait_seconds_count{kind="report",pool="default"} 4`,
		`freshet_attempt_run_seconds_sum{kind="report",pool="default"} 7`,
		`freshet_attempts_running{pool="default"} 1`, `freshet_slots{pool="default"} 4`, `freshet_lease_losses_total{pool="default"} 1`,
	)
	for _, path := range []string{"/", "/debug/pprof/", "/debug/vars"} {
		if status, _ := served(t, worked(), path); status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
	}
}

// supervised is a host of one program.
func supervised() *metrics.Host {
	return metrics.NewHost("1.2.3", (&source{}).Connections, func() []metrics.Program {
		return []metrics.Program{{
			Name: "api", States: map[string]int{"ready": 2, "backoff": 0}, Memory: 4096, Starts: 5, Ends: map[string]int{"died": 3, "left": 0},
		}}
	})
}

func TestHost(t *testing.T) {
	t.Parallel()
	_, text := served(t, supervised(), "/metrics")
	wantLines(t, text,
		`freshet_up_instances{program="api",state="ready"} 2`, `freshet_up_instances{program="api",state="backoff"} 0`,
		`freshet_up_memory_bytes{program="api"} 4096`, `freshet_up_starts_total{program="api"} 5`,
		`freshet_up_exits_total{outcome="died",program="api"} 3`, `freshet_up_exits_total{outcome="left",program="api"} 0`,
		`freshet_db_connections_max 16`, `freshet_build_info{version="1.2.3"} 1`,
	)
}

func TestNobodyCounts(t *testing.T) {
	t.Parallel()
	var replica *metrics.Replica
	replica.Request(http.MethodGet, "", 200, 0)
	replica.StreamOpened()
	replica.StreamClosed()
	replica.Delivery(metrics.DeliveryDone)
	replica.Order("", metrics.OrderStarted)
	replica.WorkersLost(1)
	replica.TakenOver(1)
	var worker *metrics.Worker
	worker.Started(jobs.Claim{})
	worker.Ended("", "", "", 0)
}

// docs/metrics.md names every metric that is shown, and none that is not.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	_, worker := served(t, worked(), "/metrics")
	_, host := served(t, supervised(), "/metrics")
	page := page(t, everything(busy())) + worker + host
	var shown []string
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (freshet_\w+) `).FindAllStringSubmatch(page, -1) {
		shown = append(shown, found[1])
	}
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, found := range regexp.MustCompile("(?m)^\\| `(freshet_\\w+)").FindAllStringSubmatch(string(text), -1) {
		named = append(named, found[1])
	}
	slices.Sort(shown)
	slices.Sort(named)
	if shown = slices.Compact(shown); !slices.Equal(shown, slices.Compact(named)) {
		t.Errorf("shown are\n%s\nnamed are\n%s", strings.Join(shown, "\n"), strings.Join(named, "\n"))
	}
	for _, label := range []string{"owner", "task", "worker", "id"} {
		if regexp.MustCompile(`[{,]` + label + `="`).MatchString(page) {
			t.Errorf("there is a label %s", label)
		}
	}
}
