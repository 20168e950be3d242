package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
)

type eventsDocument struct {
	Items []struct {
		Type, TaskID string
		Seq          int64
		Attempt      int
		At           time.Time
		Data         map[string]json.RawMessage
	}
}

func TestEventsOfALife(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(task.ID)
	r.flush(claim, 0,
		jobs.Record{At: time.Now(), Type: jobs.TaskProgress, Data: json.RawMessage(`{"progress":40,"message":"half"}`)},
		printed(jobs.Stdout, "hello\n"),
		jobs.Record{At: time.Now(), Type: jobs.TaskCustom, Data: json.RawMessage(`{"name":"chapter","data":{"n":1}}`)})
	r.fail(claim)
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/retry", "").want(http.StatusOK)
	events := decode[eventsDocument](r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/events", "").want(http.StatusOK))
	var types []string
	for _, event := range events.Items {
		types = append(types, fmt.Sprint(event.Seq, " ", event.Type))
		if event.TaskID != task.ID || event.At.IsZero() {
			t.Errorf("event %+v", event)
		}
		shown, lifecycle := event.Data["task"]
		if lifecycle != jobs.EventType(event.Type).Lifecycle() {
			t.Errorf("%s: data.task is %s", event.Type, shown)
		}
		if lifecycle && (strings.Contains(string(shown), `"input"`) || !strings.Contains(string(shown), task.ID)) {
			t.Errorf("%s: data.task is %s", event.Type, shown)
		}
	}
	want := "1 task.created,2 task.started,3 task.progress,5 task.custom,6 task.failed,7 task.retrying"
	if got := strings.Join(types, ","); got != want {
		t.Errorf("events %s\nwant   %s", got, want)
	}
	if data := events.Items[2].Data; string(data["progress"]) != "40" {
		t.Errorf("progress has %s", data)
	}
	if data := events.Items[5].Data; string(data["manual"]) != "true" || string(data["run"]) != "2" {
		t.Errorf("what is stored with the retry is not shown: %s", data)
	}
	later := decode[eventsDocument](r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/events?after=3&limit=1", "").want(http.StatusOK))
	if len(later.Items) != 1 || later.Items[0].Seq != 5 {
		t.Errorf("after 3: %+v", later.Items)
	}
	if a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/events?after=7", ""); strings.TrimSpace(a.body) != `{"items":[]}` {
		t.Errorf("at the end: %s", a.body)
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(task.ID)
	r.fail(claim)
	r.call(ada, http.MethodPost, "/v1/tasks/"+task.ID+"/retry", "").want(http.StatusOK)
	attempts := decode[struct {
		Items []struct {
			Attempt, Run             int
			State, Outcome, WorkerID string
			ExitCode                 *int
			Error                    *jobs.Failure
			QueuedAt, EndedAt        *time.Time
		}
	}](r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/attempts", "").want(http.StatusOK)).Items
	if len(attempts) != 2 {
		t.Fatalf("%d attempts", len(attempts))
	}
	first, second := attempts[0], attempts[1]
	if first.Outcome != "failed" || first.WorkerID != claim.WorkerID.String() || *first.ExitCode != 3 || first.Error.LogTail != "oops\n" || first.EndedAt == nil {
		t.Errorf("attempt 1: %+v", first)
	}
	if second.Attempt != 2 || second.Run != 2 || second.State != "queued" || second.Error != nil || second.QueuedAt == nil {
		t.Errorf("attempt 2: %+v", second)
	}
}

type logsDocument struct {
	Items []struct {
		Seq          int64
		Attempt      int
		Stream, Text string
		Partial      bool
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	if a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/logs", "").want(http.StatusOK); a.body != "" {
		t.Errorf("before it began: %q", a.body)
	}
	claim := r.claim(task.ID)
	r.flush(claim, 0,
		printed(jobs.Stdout, "one\ntwo\n"), printed(jobs.Stderr, "three\xff\n"),
		jobs.Record{At: time.Now(), Type: jobs.TaskLog, Stream: jobs.Stdout, Bytes: []byte("fo"), Partial: true},
		printed(jobs.Stdout, "ur</script>\n"), printed(jobs.System, "truncated\n"))
	path := "/v1/tasks/" + task.ID + "/logs"
	const all = "one\ntwo\nthree\uFFFD\nfour</script>\ntruncated\n"
	for query, want := range map[string]string{
		"":                  all,
		"?format=text":      all,
		"?tail=2":           "four</script>\ntruncated\n",
		"?tail=100":         all,
		"?after=4":          "fo" + "ur</script>\ntruncated\n",
		"?attempt=1":        all,
		"?attempt=2":        "",
		"?limit=1":          "one\ntwo\n",
		"?after=4&limit=1":  "fo",
		"?after=1000":       "",
		"?tail=1&attempt=1": "truncated\n",
	} {
		a := r.call(ada, http.MethodGet, path+query, "").want(http.StatusOK)
		if a.body != want {
			t.Errorf("%s: %q, want %q", query, a.body, want)
		}
		if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", query, a.header)
		}
	}
	chunks := decode[logsDocument](r.call(ada, http.MethodGet, path+"?format=json", "").want(http.StatusOK)).Items
	if len(chunks) != 5 || chunks[1].Stream != "stderr" || chunks[1].Text != "three\uFFFD\n" || !chunks[2].Partial || chunks[4].Stream != "system" || chunks[0].Seq != 3 {
		t.Errorf("chunks %+v", chunks)
	}
	page := decode[logsDocument](r.call(ada, http.MethodGet, path+"?format=json&after=5&limit=1", "").want(http.StatusOK)).Items
	if len(page) != 1 || page[0].Seq != 6 {
		t.Errorf("a page of %+v", page)
	}
	if a := r.call(ada, http.MethodGet, path+"?format=json&after=7", ""); strings.TrimSpace(a.body) != `{"items":[]}` {
		t.Errorf("at the end: %s", a.body)
	}
}

func TestLongLogsComeWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(task.ID)
	var want strings.Builder
	for part := range 5 { // 500 chunks, more than are held at once
		var records []jobs.Record
		for i := range 100 {
			line := fmt.Sprintf("line %d of part %d %s\n", i, part, strings.Repeat("x", 1000))
			want.WriteString(line)
			records = append(records, printed(jobs.Stdout, line))
		}
		r.flush(claim, int64(part*100), records...)
	}
	if a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/logs", "").want(http.StatusOK); a.body != want.String() {
		t.Errorf("%d bytes, want %d", len(a.body), want.Len())
	}
	if chunks := decode[logsDocument](r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/logs?format=json", "")).Items; len(chunks) != 500 {
		t.Errorf("%d chunks, want 500", len(chunks))
	}
}
