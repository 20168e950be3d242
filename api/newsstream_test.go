package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/api"
)

// news reads /v1/stream in the background; what comes is a line of type, task and state each.
func (r *rig) news(ctx context.Context, key, query string) <-chan string {
	r.t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.http.URL+"/v1/stream?"+query, nil)
	r.ok(err)
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := r.http.Client().Do(request) //nolint:bodyclose // the reader below closes it
	r.ok(err)
	if response.StatusCode != http.StatusOK {
		r.t.Fatalf("status %d", response.StatusCode)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		defer response.Body.Close()
		body := bufio.NewScanner(response.Body)
		for body.Scan() {
			data, found := strings.CutPrefix(body.Text(), "data: ")
			if !found {
				continue
			}
			var told struct {
				Type, TaskID string
				Data         struct{ Task struct{ State string } }
			}
			_ = json.Unmarshal([]byte(data), &told)
			lines <- told.Type + " " + told.TaskID + " " + told.Data.Task.State
		}
	}()
	return lines
}

// told takes what comes next. A snapshot may be told again: what changed while the first one was made.
func (r *rig) told(lines <-chan string, want string) {
	r.t.Helper()
	for late := r.late(); ; {
		select {
		case got, open := <-lines:
			if open && got != want && strings.HasPrefix(got, "task.snapshot ") {
				continue
			}
			if !open || got != want {
				r.t.Errorf("told %q, want %q", got, want)
			}
			return
		case <-late:
			r.t.Fatalf("not told %q", want)
		}
	}
}

func TestNewsOfManyTasks(t *testing.T) {
	t.Parallel()
	r := newRig(t).live()
	ctx, cancel := context.WithCancel(t.Context())
	before := r.submit(`{"kind":"report","input":{"n":1}}`)
	ada, root := r.news(ctx, ada, ""), r.news(ctx, root, "kind=report")
	bob := r.news(ctx, bob, "")
	r.told(ada, "task.snapshot "+before.ID+" pending")
	r.told(root, "task.snapshot "+before.ID+" pending")
	after := r.submit(`{"kind":"report","input":{"n":2}}`)
	r.told(ada, "task.snapshot "+after.ID+" pending")
	r.told(root, "task.snapshot "+after.ID+" pending")
	claim := r.claim(after.ID)
	r.told(ada, "task.started "+after.ID+" running")
	r.flush(claim, 0, record("no output here\n"), custom(1))
	r.told(ada, "task.custom "+after.ID+" ")
	r.complete(claim, `{"pages":3}`)
	r.told(ada, "task.completed "+after.ID+" completed")
	cancel()
	for line := range bob {
		t.Errorf("a stranger was told %q", line)
	}
	for range ada { // to its end
	}
	for range root {
	}
}

func TestStreamOfChosenTasks(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Stream = 50 * time.Millisecond })
	chosen, other := r.submit(`{"kind":"anything"}`), r.submit(`{"kind":"anything"}`)
	bobs := r.call(bob, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`).want(http.StatusAccepted).task()
	a := r.call(ada, http.MethodGet, "/v1/stream?ids="+chosen.ID+","+bobs.ID, "").want(http.StatusOK)
	if !strings.Contains(a.body, chosen.ID) || strings.Contains(a.body, other.ID) || strings.Contains(a.body, bobs.ID) {
		t.Errorf("the stream has %s", a.body)
	}
	r.call(ada, http.MethodGet, "/v1/stream?ids=x", "").refused(http.StatusUnprocessableEntity, "invalid_parameter", "/query/ids")
}

// All hints are lost, so that nothing but the sweep finds what changed.
func TestNewsWithoutHints(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.run(r.hub.Run)
	ctx, cancel := context.WithCancel(t.Context())
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	news := r.news(ctx, ada, "")
	r.told(news, "task.snapshot "+task.ID+" pending")
	claim := r.claim(task.ID)
	r.told(news, "task.snapshot "+task.ID+" running")
	r.complete(claim, `{"pages":3}`)
	r.told(news, "task.completed "+task.ID+" completed")
	cancel()
	for range news { // to its end
	}
}
