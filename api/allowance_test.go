package api_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"freshet/api"
)

const anything = `{"kind":"anything"}`

// batch is a request for so many tasks.
func batch(tasks ...string) string { return `{"tasks":[` + strings.Join(tasks, ",") + `]}` }

// stored counts an owner's tasks.
func (r *rig) stored(owner string) (n int) {
	r.t.Helper()
	r.ok(r.store.Pool().QueryRow(r.t.Context(), `SELECT count(*) FROM freshet.tasks WHERE owner = $1`, owner).Scan(&n))
	return n
}

// callUntil calls again and again until the answer has the status.
func (r *rig) callUntil(status int, key, method, path, body string) (a answer) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s %s is answered with %d", method, path, status), func() bool {
		a = r.call(key, method, path, body)
		return a.status == status
	})
	return a
}

func TestRateOfAnOwner(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.TasksPerSecond = 1 })
	for range 2 {
		r.submit(anything)
	}
	for path, body := range map[string]string{"/v1/tasks": anything, "/v1/tasks/batch": batch(anything, anything)} {
		for _, key := range []string{ada, root} { // it is the owner's, whoever submits
			body := strings.ReplaceAll(body, `"anything"`, `"anything","owner":"ada"`)
			a := r.call(key, http.MethodPost, path, body)
			a.refused(http.StatusTooManyRequests, "rate_limited", "")
			if a.header.Get("Retry-After") != "1" || !strings.Contains(a.body, "1 tasks per second") {
				t.Errorf("Retry-After %q: %s", a.header.Get("Retry-After"), a.body)
			}
		}
	}
	// Another owner is not harmed, unless it shares a batch: that is all or nothing.
	mixed := batch(`{"kind":"anything","owner":"bob"}`, `{"kind":"anything","owner":"ada"}`)
	r.call(root, http.MethodPost, "/v1/tasks/batch", mixed).refused(http.StatusTooManyRequests, "rate_limited", "")
	for range 2 {
		r.call(bob, http.MethodPost, "/v1/tasks", anything).want(http.StatusAccepted)
	}
	r.callUntil(http.StatusAccepted, ada, http.MethodPost, "/v1/tasks", anything)
	if ada, bob := r.stored("ada"), r.stored("bob"); ada != 3 || bob != 2 {
		t.Errorf("%d tasks of ada's and %d of bob's", ada, bob)
	}
}

func TestLargestBatchIsTakenAtOnceAndPaidLater(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.TasksPerSecond = 50 })
	body := `{"tasks":[` + strings.Repeat(anything+",", 999) + anything + `]}`
	before := time.Now()
	r.call(ada, http.MethodPost, "/v1/tasks/batch", body).want(http.StatusAccepted)
	a := r.call(ada, http.MethodPost, "/v1/tasks", anything)
	a.refused(http.StatusTooManyRequests, "rate_limited", "")
	took := int(time.Since(before).Seconds()) + 1 // of which it may have begun to pay
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 10-took || wait > 19 {
		t.Errorf("Retry-After %q after %d s", a.header.Get("Retry-After"), took)
	}
}

func TestOpenTasksOfAnOwner(t *testing.T) {
	t.Parallel()
	three := func(c *api.Config) { c.Limits.OpenTasks = 3 }
	r := newRig(t, three)
	first := r.submit(anything)
	r.submit(anything)
	full := func(path, body string) {
		t.Helper()
		a := r.call(ada, http.MethodPost, path, body)
		a.refused(http.StatusTooManyRequests, "too_many_tasks", "")
		if a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "may have 3") {
			t.Errorf("Retry-After %q: %s", a.header.Get("Retry-After"), a.body)
		}
	}
	full("/v1/tasks/batch", batch(anything, anything))
	r.submit(anything)
	full("/v1/tasks", anything)
	full("/v1/tasks/"+first.ID+"/rerun", "")
	r.call(bob, http.MethodPost, "/v1/tasks", anything).want(http.StatusAccepted)
	// Another replica has not seen any of this, and counts.
	newReplica(r, three).call(ada, http.MethodPost, "/v1/tasks", anything).refused(http.StatusTooManyRequests, "too_many_tasks", "")

	r.call(ada, http.MethodPost, "/v1/tasks/"+first.ID+"/cancel", "").want(http.StatusOK)
	r.callUntil(http.StatusAccepted, ada, http.MethodPost, "/v1/tasks", anything)
	full("/v1/tasks/"+first.ID+"/retry", "")
	if n := r.stored("ada"); n != 4 {
		t.Errorf("%d tasks of ada's", n)
	}
}

func TestBytesOfAnOwner(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Bytes, c.Limits.Recount = 100_000, 50*time.Millisecond })
	r.run(r.server.Run)
	input := func(n int) string { return fmt.Sprintf(`{"kind":"anything","input":%q}`, strings.Repeat("x", n-2)) }
	task := r.submit(input(60_000))
	claim := r.claim(task.ID)
	r.ok(r.store.SaveArtifact(t.Context(), claim.Fence, "a.txt", "text/plain", strings.NewReader(strings.Repeat("y", 50_000))))
	r.complete(claim, `{}`)
	a := r.callUntil(http.StatusTooManyRequests, ada, http.MethodPost, "/v1/tasks", anything) // until it is summed up
	a.refused(http.StatusTooManyRequests, "quota_exceeded", "")
	if a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "may take 100000") {
		t.Errorf("Retry-After %q: %s", a.header.Get("Retry-After"), a.body)
	}
	r.call(bob, http.MethodPost, "/v1/tasks", input(300)).want(http.StatusAccepted)
	r.call(ada, http.MethodDelete, "/v1/tasks/"+task.ID, "").want(http.StatusNoContent)
	r.callUntil(http.StatusAccepted, ada, http.MethodPost, "/v1/tasks", input(60_000))
	r.call(ada, http.MethodPost, "/v1/tasks", input(60_000)).refused(http.StatusTooManyRequests, "quota_exceeded", "") // at once
}

func TestNoLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) {
		c.Limits.TasksPerSecond, c.Limits.OpenTasks, c.Limits.Bytes, c.Limits.Streams = -1, -1, -1, -1
		c.Limits.Stream = time.Millisecond
	})
	for range 200 {
		r.submit(anything)
	}
	r.call(ada, http.MethodGet, "/v1/stream", "").want(http.StatusOK)
}
