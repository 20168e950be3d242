package worker_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/metrics"
	"freshet/jobs/worker"
)

// shown is what the metrics of a worker show, after all that it did.
func shown(t *testing.T, counted *metrics.Worker) string {
	t.Helper()
	socket, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- counted.Serve(ctx, socket, slog.New(slog.DiscardHandler)) }()
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + socket.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each attempt is counted once, by how it ended; one that was taken from the worker is lost to it.
func TestAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	counted := metrics.NewWorker("test", "default", 1, b.Connections)
	endings := []func(jobs.Claim) (jobs.Ending, error){
		func(claim jobs.Claim) (jobs.Ending, error) { return completed(claim), nil },
		func(claim jobs.Claim) (jobs.Ending, error) {
			ending := completed(claim)
			ending.Outcome, ending.Failure = jobs.OutcomeFailed, &jobs.Failure{Code: jobs.CodeExit, Message: "exit code 1", Attempt: 1}
			return ending, nil
		},
		func(jobs.Claim) (jobs.Ending, error) { return jobs.Ending{}, jobs.ErrFenced },
		func(claim jobs.Claim) (jobs.Ending, error) { // somebody else has ended it meanwhile
			ending := completed(claim)
			b.ok(b.End(t.Context(), ending))
			ending.Outcome = jobs.OutcomeInterrupted
			return ending, nil
		},
	}
	next := 0
	pool := worker.New(worker.Config{
		Store: b.Store, Heart: b.Store, Worker: jobs.Worker{ID: uuid.New(), Pool: "default", Slots: 1, Kinds: []string{"work"}, Lease: time.Minute},
		Runner: runFunc(func(_ context.Context, claim jobs.Claim) (jobs.Ending, error) {
			next++
			return endings[next-1](claim)
		}),
		Beat: 10 * time.Second, FetchCooldown: 2 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Metrics: counted,
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	left := make(chan error, 1)
	go func() { left <- pool.Run(ctx) }()
	for range endings {
		b.submit()
	}
	b.until("all have ended", func() bool {
		return b.count(`SELECT count(*) FROM freshet.attempts WHERE state = 'ended'`) == 3 && b.count(`SELECT count(*) FROM river.river_job`) <= 1
	})
	stop()
	b.ok(<-left)
	text := shown(t, counted)
	for _, line := range []string{
		`freshet_attempts_started_total{kind="work",pool="default"} 4`,
		`freshet_attempts_ended_total{code="",kind="work",outcome="completed",pool="default"} 1`,
		`freshet_attempts_ended_total{code="exit",kind="work",outcome="failed",pool="default"} 1`,
		`freshet_attempts_ended_total{code="lost",kind="work",outcome="lost",pool="default"} 2`,
		`freshet_lease_losses_total{pool="default"} 2`, `freshet_attempts_running{pool="default"} 0`,
		`freshet_attempt_wait_seconds_count{kind="work",pool="default"} 4`, `freshet_attempt_run_seconds_count{kind="work",pool="default"} 4`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s in\n%s", line, text)
		}
	}
}
