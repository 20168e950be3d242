package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

// sseFrame is one event of a stream, read by the rules of the HTML standard.
type sseFrame struct {
	id, event string
	data      json.RawMessage
}

// reader reads one task's stream the way a browser does: when it breaks off it comes back with the
// last id.
type reader struct {
	base, key, task, query string
	lastID                 string
	frames                 []sseFrame // without snapshots
	told                   func(sseFrame)
	snapshots, connects    int
	patient                bool // it comes back when the server cannot serve for now
	refused                int
	ended                  bool
}

// connect opens the stream once and reads it to where it breaks off.
func (r *reader) connect(ctx context.Context) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/v1/tasks/"+r.task+"/stream?"+r.query, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+r.key)
	if r.lastID != "" {
		request.Header.Set("Last-Event-ID", r.lastID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	r.connects++
	if response.StatusCode != http.StatusOK {
		r.ended = response.StatusCode == http.StatusNoContent
		return response.StatusCode, nil
	}
	r.read(bufio.NewReader(response.Body))
	return response.StatusCode, nil
}

func (r *reader) read(body *bufio.Reader) {
	var frame sseFrame
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			return
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "":
			if frame.event != "" {
				r.take(frame)
			}
			frame = sseFrame{}
		case "id":
			frame.id = value
		case "event":
			frame.event = value
		case "data":
			frame.data = json.RawMessage(value)
		}
	}
}

func (r *reader) take(frame sseFrame) {
	switch frame.event {
	case "task.snapshot":
		r.snapshots++
	case "end":
		r.ended = true
	default:
		r.frames = append(r.frames, frame)
		r.lastID = frame.id
		if r.told != nil {
			r.told(frame)
		}
	}
}

// follow comes back until the stream has ended.
func (r *reader) follow(ctx context.Context) error {
	for !r.ended {
		status, err := r.connect(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("after %d connects and %d frames: %w", r.connects, len(r.frames), context.Cause(ctx))
		}
		switch {
		case err == nil && status == http.StatusServiceUnavailable && r.patient:
			r.refused++
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		case err == nil && status != http.StatusOK && status != http.StatusNoContent:
			return fmt.Errorf("status %d", status)
		}
	}
	return nil
}

// ids are the seqs of what was read, in the order of reading.
func (r *reader) ids() []int64 {
	var ids []int64
	for _, frame := range r.frames {
		id, err := strconv.ParseInt(frame.id, 10, 64)
		if err != nil {
			id = -1
		}
		ids = append(ids, id)
	}
	return ids
}

// compare tells how what was read differs from what there was.
func compare(read, was []int64) error {
	for i, id := range read {
		switch {
		case i > 0 && id == read[i-1]:
			return fmt.Errorf("%d came twice", id)
		case i > 0 && id < read[i-1]:
			return fmt.Errorf("%d came after %d", id, read[i-1])
		case i >= len(was) || id < was[i]:
			return fmt.Errorf("%d was never there", id)
		case id > was[i]:
			return fmt.Errorf("%d is missing before %d", was[i], id)
		}
	}
	if len(read) < len(was) {
		return fmt.Errorf("the end is missing, from %d", was[len(read)])
	}
	return nil
}

// TestCompareFindsFaults: a test that compares would fail.
func TestCompareFindsFaults(t *testing.T) {
	t.Parallel()
	was := []int64{1, 2, 4, 5}
	for want, read := range map[string][]int64{
		"":                           {1, 2, 4, 5},
		"2 came twice":               {1, 2, 2, 4, 5},
		"1 came after 2":             {1, 2, 1, 4, 5},
		"2 is missing before 4":      {1, 4, 5},
		"3 was never there":          {1, 2, 3, 4, 5},
		"6 was never there":          {1, 2, 4, 5, 6},
		"the end is missing, from 5": {1, 2, 4},
	} {
		got := ""
		if err := compare(read, was); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: %q, want %q", read, got, want)
		}
	}
}

// types are the types of what was read.
func (r *reader) types() (types []string) {
	for _, frame := range r.frames {
		types = append(types, frame.event)
	}
	return types
}

func (r *rig) reader(key, task, query string) *reader {
	return &reader{base: r.http.URL, key: key, task: task, query: query}
}

// live keeps the hub of a rig running, with hints from the database.
func (r *rig) live() *rig {
	r.t.Helper()
	r.listen(r.hub)
	return r
}

func record(text string) jobs.Record {
	return jobs.Record{At: time.Now(), Type: jobs.TaskLog, Stream: jobs.Stdout, Bytes: []byte(text)}
}

func custom(n int) jobs.Record {
	return jobs.Record{At: time.Now(), Type: jobs.TaskCustom, Data: fmt.Appendf(nil, `{"name":"step","data":%d}`, n)}
}

func dense(ids []int64) bool {
	for i, id := range ids {
		if id != int64(i+1) {
			return false
		}
	}
	return true
}

func TestStreamOfALife(t *testing.T) {
	t.Parallel()
	r := newRig(t).live()
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	everything, events := r.reader(ada, task.ID, "include=logs"), r.reader(ada, task.ID, "")
	followed := make(chan error, 2)
	for _, reader := range []*reader{everything, events} {
		go func() { followed <- reader.follow(t.Context()) }()
	}
	claim := r.claim(task.ID)
	r.flush(claim, 0, record("a line\nevent: completed\ndata: {}\n\n"), custom(1))
	r.flush(claim, 2, record("last\xff\n"))
	r.complete(claim, `{"pages":3}`)
	for range 2 {
		r.ok(<-followed)
	}
	if ids := everything.ids(); len(ids) != 6 || !dense(ids) {
		t.Errorf("ids with logs: %v", ids)
	}
	if got := strings.Join(events.types(), " "); got != "task.created task.started task.custom task.completed" {
		t.Errorf("events: %s", got)
	}
	var log struct {
		Type string
		Data struct{ Stream, Text string }
	}
	r.ok(json.Unmarshal(everything.frames[2].data, &log))
	if log.Type != "task.log" || log.Data.Stream != "stdout" || log.Data.Text != "a line\nevent: completed\ndata: {}\n\n" {
		t.Errorf("log frame %s", everything.frames[2].data)
	}
	var last struct {
		Data struct{ Task struct{ State string } }
	}
	r.ok(json.Unmarshal(events.frames[3].data, &last))
	if last.Data.Task.State != "completed" || events.snapshots != 1 {
		t.Errorf("last frame %s, %d snapshots", events.frames[3].data, events.snapshots)
	}
}

func TestStreamHeadersAndRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t).live()
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	path := "/v1/tasks/" + task.ID + "/stream"
	r.call(bob, http.MethodGet, path, "").refused(http.StatusForbidden, "forbidden", "")
	r.call("", http.MethodGet, path, "").refused(http.StatusUnauthorized, "unauthorized", "")
	for _, id := range []string{"-1", "x", "1;x", "9223372036854775808", "01", "1.0"} {
		r.call(ada, http.MethodGet, path, "", "Last-Event-ID", id).refused(http.StatusUnprocessableEntity, "invalid_parameter", "/header/Last-Event-ID")
	}
	r.complete(r.claim(task.ID), `{"pages":3}`)
	a := r.call(ada, http.MethodGet, path, "").want(http.StatusOK)
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(a.body, "retry: ") || !strings.HasSuffix(a.body, "\n\n") {
		t.Errorf("stream %q", a.body)
	}
	r.call(ada, http.MethodGet, path, "", "Last-Event-ID", "3").want(http.StatusNoContent)
	r.call(ada, http.MethodGet, path+"?after=99", "").want(http.StatusNoContent)
}

func TestStreamResumes(t *testing.T) {
	t.Parallel()
	r := newRig(t).live()
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(task.ID)
	for from := range int64(3) {
		r.flush(claim, from, record(fmt.Sprintf("line %d\n", from)))
	}
	r.complete(claim, `{"pages":3}`)
	reader := r.reader(ada, task.ID, "include=logs")
	reader.lastID = "4"
	r.ok(reader.follow(t.Context()))
	if got := fmt.Sprint(reader.ids()); got != "[5 6]" {
		t.Errorf("after 4: %s", got)
	}
	tail := r.reader(ada, task.ID, "include=logs&tail=1")
	r.ok(tail.follow(t.Context()))
	if got := fmt.Sprint(tail.ids()); got != "[1 2 5 6]" {
		t.Errorf("with the last line only: %s", got)
	}
}

func TestTailIsExact(t *testing.T) {
	t.Parallel()
	r := newRig(t).live()
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	claim := r.claim(task.ID)
	for from := range int64(70) { // more than are looked at together
		r.flush(claim, 3*from, record(fmt.Sprintf("a%d\nb%d\nc%d\n", from, from, from)), custom(int(from)+1),
			jobs.Record{At: time.Now(), Type: jobs.TaskLog, Stream: jobs.Stdout, Partial: true, Bytes: []byte("and ")})
	}
	r.complete(claim, `{"pages":3}`)
	whole := r.reader(ada, task.ID, "include=logs")
	r.ok(whole.follow(t.Context()))
	_, all := whole.heard()
	lines := strings.SplitAfter(all, "\n") // the last one has no end
	for _, n := range []int{1, 2, 3, 4, 100, 209, 210, 211, 10000} {
		tail := r.reader(ada, task.ID, fmt.Sprintf("include=logs&tail=%d", n))
		r.ok(tail.follow(t.Context()))
		want := strings.Join(lines[max(0, len(lines)-1-n):], "")
		if _, text := tail.heard(); text != want {
			t.Errorf("tail=%d: %d bytes, %.30q; want %d, %.30q", n, len(text), text, len(want), want)
		}
		if events := strings.Count(fmt.Sprint(tail.types()), "task.c"); events != 72 {
			t.Errorf("tail=%d: %d events", n, events)
		}
	}
	back := r.reader(ada, task.ID, "include=logs&tail=1")
	back.lastID = "100"
	r.ok(back.follow(t.Context()))
	if ids := back.ids(); compare(ids, whole.ids()[100:]) != nil {
		t.Errorf("a reader with a tail that came back was sent %v", ids)
	}
}

func TestStreamsOfOneOwnerAreCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Streams = 2 }).live()
	task := r.submit(`{"kind":"report","input":{"n":1}}`)
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 2)
	for range 2 {
		reader := r.reader(ada, task.ID, "")
		go func() { closed <- reader.follow(ctx) }()
	}
	r.until("two streams are open", func() bool { return r.hub.Streams() == 2 })
	a := r.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/stream", "")
	a.refused(http.StatusTooManyRequests, "too_many_streams", "")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	cancel()
	for range 2 {
		if err := <-closed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	r.until("both are closed", func() bool { return r.hub.Streams() == 0 })
	r.complete(r.claim(task.ID), `{"pages":3}`)
	r.ok(r.reader(ada, task.ID, "").follow(t.Context()))
}

// opened opens a stream and returns its lines; they end with it.
func (r *rig) opened(path string) *bufio.Scanner {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.http.URL+path, nil)
	r.ok(err)
	request.Header.Set("Authorization", "Bearer "+ada)
	response, err := r.http.Client().Do(request)
	r.ok(err)
	r.t.Cleanup(func() { _ = response.Body.Close() })
	return bufio.NewScanner(response.Body)
}

func TestSilentStreamsBeatAndEndWithTheServer(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *api.Config) { c.Limits.Beat = 20 * time.Millisecond }).live()
	streams := map[string]*bufio.Scanner{}
	for _, path := range []string{"/v1/tasks/" + r.submit(`{"kind":"anything"}`).ID + "/stream", "/v1/stream"} {
		lines := r.opened(path)
		for beats := 0; beats < 3 && lines.Scan(); {
			if lines.Text() == ": beat" {
				beats++
			}
		}
		streams[path] = lines
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r.ok(r.http.Config.Shutdown(ctx))
	for path, lines := range streams {
		last := ""
		for lines.Scan() {
			if lines.Text() != "" {
				last = lines.Text()
			}
		}
		if lines.Err() != nil || !strings.HasPrefix(last, "retry: ") {
			t.Errorf("%s ended with %q, %v", path, last, lines.Err())
		}
	}
}
