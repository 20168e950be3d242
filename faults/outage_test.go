package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/cmd/client"
)

// TestDatabaseIsAway kills the database and leaves it dead for a while, as a failover does. What runs is
// not interrupted, no byte that it prints meanwhile is lost, and nothing is done twice.
func TestDatabaseIsAway(t *testing.T) {
	t.Parallel()
	const tasks = 8
	away := time.Duration(size(30, 10)) * time.Second
	lines := int((away + 5*time.Second) / (20 * time.Millisecond))
	s := newServer(t)
	r := newRun(t, s.url, 4, time.Minute)
	c := r.readyAPI()
	for range 2 {
		r.worker(r.database)
	}
	ids := make([]string, tasks)
	for i := range ids {
		ids[i] = r.submit(order("count", i, map[string]string{"lines": fmt.Sprint(lines)}), c)
	}
	for _, id := range ids {
		r.attempt(id, 1)
	}
	s.kill()
	begun := time.Now()
	_, err := c.Submit(t.Context(), work(0, "0"))
	if status := statusOf(err); status != http.StatusServiceUnavailable {
		t.Errorf("a submit while the database is away: %v", err)
	}
	t.Logf("refused after %s: %v", time.Since(begun).Round(time.Millisecond), err)
	r.pass(away - time.Since(begun))
	s.restart()
	r.settle()
	var want strings.Builder
	for i := range lines {
		fmt.Fprintf(&want, "line %d\n", i+1)
	}
	for _, id := range ids {
		var attempt int
		var printed []byte
		r.ok(r.pool.QueryRow(t.Context(), `SELECT t.attempt, string_agg(l.data, '' ORDER BY l.seq) FROM freshet.tasks t
			JOIN freshet.task_logs l ON l.task_id = t.id WHERE t.id = $1 GROUP BY t.id`, id).Scan(&attempt, &printed))
		if attempt != 1 {
			t.Errorf("a task was interrupted: attempt %d", attempt)
		}
		if string(printed) != want.String() {
			t.Errorf("%d bytes of output are stored, %d were printed", len(printed), want.Len())
		}
	}
	t.Logf("%d tasks ran on through %s without a database; %d bytes each", tasks, away, want.Len())
	r.verify(c)
}

// statusOf is the status of a refusal; zero when there was no answer, or no refusal.
func statusOf(err error) int {
	if refused, found := errors.AsType[*client.Problem](err); found {
		return refused.Status
	}
	return 0
}

// TestSessionsAreTerminated ends all sessions of the database over and over, those that listen and those
// that hold the workers' locks too.
func TestSessionsAreTerminated(t *testing.T) {
	t.Parallel()
	r := newSharedRun(t, 4, 30*time.Second)
	c := r.readyAPI()
	r.worker(r.database)
	r.worker(r.database)
	done := make(chan struct{})
	var users sync.WaitGroup
	users.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				r.submit(work(i, "0.2"), c)
			}
		}
	})
	ended := 0
	for range size(120, 12) {
		ended += r.number(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE 'freshet%'`)
		r.pass(500 * time.Millisecond)
	}
	close(done)
	users.Wait()
	r.settle()
	t.Logf("%d sessions were ended", ended)
	r.verify(c)
}

// TestManyWaitForTheDatabase has 500 calls wait for a lock, far more than there are connections: each is
// refused in time, health is told meanwhile, and after it a cancel is served at once.
func TestManyWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	r := newSharedRun(t, 4, time.Minute)
	c := r.readyAPI()
	id := r.submit(order("hold", 0, nil), c)
	tx, err := r.pool.Begin(t.Context())
	r.ok(err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE freshet.tasks IN ACCESS EXCLUSIVE MODE`)
	r.ok(err)
	var calls sync.WaitGroup
	var refused durations
	begun := time.Now()
	for range 500 {
		calls.Go(func() {
			status, body := r.get(c.Address()+"/v1/tasks/"+id, adminKey)
			if status != http.StatusServiceUnavailable {
				t.Errorf("status %d: %s", status, body)
			}
			refused.add(time.Since(begun))
		})
	}
	status, _ := r.get(c.Address()+"/healthz", adminKey)
	if took := time.Since(begun); status != http.StatusOK || took > 3*time.Second {
		t.Errorf("healthz: %d after %s", status, took)
	}
	calls.Wait()
	refused.report(t, "refusals")
	r.ok(tx.Rollback(context.WithoutCancel(t.Context())))
	begun = time.Now()
	_, err = c.Cancel(t.Context(), id)
	r.ok(err)
	t.Logf("a cancel was served %s after that", time.Since(begun).Round(time.Millisecond))
	_, err = c.Retry(t.Context(), id)
	r.ok(err)
	r.open("all")
	r.worker(r.database)
	r.verify(c)
}
