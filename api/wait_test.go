package api_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/api"
	"freshet/jobs"
	"freshet/jobs/postgres"
)

// patience bounds each wait of these tests: the machine may be busy.
const patience = time.Minute

func TestETag(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	first := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").want(http.StatusOK)
	tag := first.header.Get("ETag")
	for _, header := range []string{tag, "*", `"other", ` + tag, tag[len("W/"):]} {
		a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "", "If-None-Match", header).want(http.StatusNotModified)
		if a.header.Get("ETag") != tag || a.body != "" {
			t.Errorf("%s: ETag %q, body %q", header, a.header.Get("ETag"), a.body)
		}
	}
	r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "", "If-None-Match", `"other"`).want(http.StatusOK)
	r.claim(task.ID)
	second := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "", "If-None-Match", tag).want(http.StatusOK)
	if second.header.Get("ETag") == tag || second.task().State != "running" {
		t.Errorf("ETag %q, state %s", second.header.Get("ETag"), second.task().State)
	}
	// Why a task waits changes without an event, and shows in the tag.
	waiting := r.submit(`{"kind":"report","input":{"n":1}}`)
	queued := r.call(ada, http.MethodGet, "/v1/tasks/"+waiting.ID, "").header.Get("ETag")
	r.call(root, http.MethodPost, "/v1/kinds/report/pause", "").want(http.StatusOK)
	paused := r.call(ada, http.MethodGet, "/v1/tasks/"+waiting.ID, "", "If-None-Match", queued).want(http.StatusOK)
	if paused.task().Wait.Reason != jobs.WaitPaused {
		t.Errorf("wait %+v", paused.task().Wait)
	}
}

// waiting is a request that waits; its answer comes on the channel.
func (r *rig) waiting(ctx context.Context, query string) <-chan answer {
	answers := make(chan answer, 1)
	go func() { answers <- r.callWith(ctx, ada, http.MethodGet, "/v1/tasks/"+query, "") }()
	return answers
}

func (r *rig) soon(answers <-chan answer) answer {
	r.t.Helper()
	select {
	case a := <-answers:
		return a
	case <-time.After(patience):
		r.t.Fatal("no answer")
		return answer{}
	}
}

func TestWaitWithoutHintsStillSeesChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	change := r.waiting(t.Context(), task.ID+"?wait=60s&after=1")
	end := r.waiting(t.Context(), task.ID+"?wait=60s&until=end")
	claim := r.claim(task.ID)
	if a := r.soon(change).want(http.StatusOK); a.task().Seq != 2 || a.task().State != "running" {
		t.Errorf("after the change: %s", a.body)
	}
	select {
	case a := <-end:
		t.Fatalf("a change was taken for the end: %s", a.body)
	default:
	}
	r.complete(claim, `{"pages":3}`)
	if a := r.soon(end).want(http.StatusOK); a.task().State != "completed" || string(a.task().Output) != `{"pages":3}` || a.task().Progress != 100 {
		t.Errorf("after the end: %s", a.body)
	}
}

func TestHintsWakeAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	listener, err := r.store.Listener(r.store.Pool().Config().ConnString(), postgres.Hints{
		Task: func(id uuid.UUID) { r.hub.Wake(id) }, All: r.hub.WakeAll,
	})
	r.ok(err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- listener.Run(ctx) }()
	t.Cleanup(func() { stop(); r.ok(<-stopped) })
	fastest := patience
	for range 5 { // a busy machine may be slow now and then, but a poll is never fast five times
		task := r.submit(`{"kind":"report","input":{"n":1}}`)
		known := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").task().Seq
		answers := r.waiting(t.Context(), task.ID+"?wait=60s&after="+strconv.FormatInt(known, 10))
		begun := time.Now()
		r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
		if a := r.soon(answers).want(http.StatusOK); a.task().State != "cancelled" {
			t.Errorf("after the cancel: %s", a.body)
		}
		fastest = min(fastest, time.Since(begun))
	}
	if fastest > 500*time.Millisecond {
		t.Errorf("the fastest answer took %s", fastest)
	}
}

func TestWaitAnswersAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	begun := time.Now()
	r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"?wait=60s&after=0", "").want(http.StatusOK)
	r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"?wait=0s", "").want(http.StatusOK)
	r.call(ada, http.MethodGet, "/v1/tasks/"+uuid.NewString()+"?wait=60s", "").want(http.StatusNotFound)
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/cancel", "").want(http.StatusOK)
	r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"?wait=60s&until=end", "").want(http.StatusOK)
	r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"?wait=60s&after=999", "").want(http.StatusOK)
	if took := time.Since(begun); took > patience/2 {
		t.Errorf("took %s", took)
	}
}

func TestWaitEndsWhenTheTimeIsUp(t *testing.T) {
	t.Parallel()
	const longest = 100 * time.Millisecond
	r := newRig(t, func(c *api.Config) { c.Limits.Wait = longest })
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	tag := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, "").header.Get("ETag")
	begun := time.Now()
	r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"?wait=1h", "").want(http.StatusOK)
	r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"?wait=1h", "", "If-None-Match", tag).want(http.StatusNotModified)
	if took := time.Since(begun); took < 2*longest || took > patience {
		t.Errorf("two waits took %s", took)
	}
}

func TestWaitEndsWithTheServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	answers := r.waiting(t.Context(), task.ID+"?wait=60s&until=end")
	r.arrival()
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	r.ok(r.http.Config.Shutdown(ctx))
	if a := r.soon(answers).want(http.StatusOK); a.task().State != "pending" {
		t.Errorf("the last answer: %s", a.body)
	}
}

func TestWaitEndsWithTheClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan struct{})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.http.URL+"/v1/tasks/"+task.ID+"?wait=60s&until=end", nil)
	r.ok(err)
	request.Header.Set("Authorization", "Bearer "+ada)
	go func() {
		defer close(gone)
		if response, err := r.http.Client().Do(request); err == nil {
			_ = response.Body.Close()
			t.Errorf("status %d for a client that left", response.StatusCode)
		}
	}()
	r.arrival()
	leave()
	<-gone
	r.logged(`"status":499`)
}
