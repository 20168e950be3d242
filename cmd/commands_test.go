package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"freshet/cmd"
)

const clientKinds = `
kinds:
  - name: talk
    description: Says a little and leaves a file
    command:
      - sh
      - -c
      - |
        echo to stdout
        echo '{"progress":50,"message":"half"}' >> $FRESHET_EVENTS
        echo to stderr >&2
        mkdir -p $FRESHET_ARTIFACTS/sub
        printf kept > $FRESHET_ARTIFACTS/sub/file.txt
        echo '{"output":{"answer":42}}' >> $FRESHET_EVENTS
  - name: sleep
    command: [sleep, "600"]
    grace: 1s
schedules:
  - {name: leap-day, cron: "0 12 29 2 *", timezone: Asia/Tokyo, kind: talk}
`

// TestClientCommands uses each client command on the whole program.
func TestClientCommands(t *testing.T) {
	t.Parallel()
	p := newProgram(t, clientKinds).start()
	for name, test := range map[string]func(*testing.T, *program){
		"submit": testSubmit, "follow": testFollow, "follow and leave": testLeave, "logs": testLogs,
		"artifacts": testArtifacts, "tasks": testTasks, "act": testAct, "fleet": testFleet, "schedules": testSchedules,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine := *p
			mine.t = t
			test(t, &mine)
		})
	}
}

// wantIn fails the test unless each text is in what was printed.
func wantIn(t *testing.T, printed string, wanted ...string) {
	t.Helper()
	for _, text := range wanted {
		if !strings.Contains(printed, text) {
			t.Errorf("%q is missing in\n%s", text, printed)
		}
	}
}

func testSubmit(t *testing.T, p *program) {
	t.Helper()
	words := strings.Fields(p.must(0, "submit", "talk", "--key", "once").stdout)
	if len(words) != 2 || len(words[0]) != 36 || words[1] != "pending" {
		t.Errorf("submit printed %q", words)
	}
	if again := p.submit("talk", "--key", "once"); again != words[0] {
		t.Errorf("the same key made another task: %s and %s", words[0], again)
	}
	wantIn(t, p.must(1, "submit", "tolk").stderr, "talk")
	wantIn(t, p.must(1, "submit", "talk", "--priority", "urgent").stderr, "/priority")
	wantIn(t, p.must(1, "submit", "talk", "--delay", "soon").stderr, "/delay")
	wantIn(t, p.must(2, "submit", "talk", "--key-scope", "active").stderr, "--key")
	wantIn(t, p.must(2, "submit", "talk", "--input", "{\n oops}").stderr, "--input, line 2")
	later := p.submit("talk", "--delay", "30m", "--tag", "a", "--tag", "b", "--timeout", "5m", "--priority", "high")
	wantIn(t, p.must(0, "get", later).stdout, later, "pending: scheduled", "for its time, until", "high", "a, b")
	wantIn(t, p.must(0, "stats").stdout, "KIND", "talk", " scheduled", "all")
	wantIn(t, p.must(0, "stats", "--json").stdout, `"pools"`, `"oldestSeconds"`)
}

func testFollow(t *testing.T, p *program) {
	t.Helper()
	r := p.must(0, "submit", "talk", "--follow")
	var output struct{ Answer int }
	if err := json.Unmarshal([]byte(r.stdout), &output); err != nil || output.Answer != 42 {
		t.Errorf("stdout is %q, want the output alone", r.stdout)
	}
	wantIn(t, r.stderr, "attempt 1 runs\n", "to stdout\n", "to stderr\n", " 50% half\n", "completed", "artifact sub/file.txt, 4 B")
	for _, once := range []string{"to stdout", "to stderr", "half", "attempt 1 runs"} {
		if strings.Count(r.stderr, once) != 1 {
			t.Errorf("%q was shown %d times", once, strings.Count(r.stderr, once))
		}
	}
	lines := strings.Split(strings.TrimSpace(p.must(0, "submit", "talk", "--follow", "--json").stdout), "\n")
	var types []string
	for i, text := range lines[:len(lines)-1] {
		event := parse[struct {
			Type   string
			TaskID string
			Seq    int
			At     time.Time
		}](p, text)
		if event.Seq != i+1 || event.TaskID == "" || event.At.IsZero() {
			t.Errorf("line %d is %s", i+1, text)
		}
		types = append(types, event.Type)
	}
	for _, want := range []string{"task.created", "task.started", "task.log", "task.progress", "task.completed"} {
		if !slices.Contains(types, want) {
			t.Errorf("no %s among %v", want, types)
		}
	}
	if done := parse[task](p, lines[len(lines)-1]); done.State != "completed" || int(done.Seq) != len(types) {
		t.Errorf("the last line is %s after %d events", lines[len(lines)-1], len(types))
	}
}

// testLeave stops following a task, as Ctrl-C does: the task goes on.
func testLeave(t *testing.T, p *program) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	settings := map[string]string{"FRESHET_URL": p.url(), "FRESHET_API_KEY": p.key()}
	var stdout bytes.Buffer
	stderr := &lines{added: make(chan struct{}, 1)}
	code := make(chan int, 1)
	go func() {
		code <- cmd.Run(ctx, cmd.Invocation{
			Args: []string{"submit", "sleep", "--follow", "--tag", "left"}, Stdout: &stdout, Stderr: stderr,
			Lookup: func(name string) (string, bool) { value, found := settings[name]; return value, found },
		})
	}()
	p.until("the task runs", func() bool { return strings.Contains(stderr.String(), "attempt 1 runs") })
	interrupt()
	if got := <-code; got != 1 {
		t.Errorf("exit code %d", got)
	}
	id := parse[struct{ Items []task }](p, p.must(0, "tasks", "--tag", "left", "--json").stdout).Items[0].ID
	wantIn(t, stderr.String(), "the task goes on", "freshet logs -f "+id, "freshet cancel "+id)
	if left := p.task(id); left.State != "running" {
		t.Errorf("the task that was left is %s", left.State)
	}
	wantIn(t, p.must(0, "cancel", id).stdout, id)
	wantIn(t, p.must(1, "get", id, "--wait").stdout, "cancelled")
}

func testLogs(t *testing.T, p *program) {
	t.Helper()
	id := p.followed(0, "talk").ID
	for _, args := range [][]string{{"logs", id}, {"logs", id, "--follow"}, {"logs", id, "--attempt", "1"}, {"logs", id, "-f", "--attempt", "1"}} {
		if r := p.must(0, args...); r.stdout != "to stdout\n" || !strings.Contains(r.stderr, "to stderr\n") {
			t.Errorf("%v printed %q and %q", args, r.stdout, r.stderr)
		}
	}
	if r := p.must(0, "logs", id, "--tail", "1"); r.stdout+r.stderr != "to stderr\n" && r.stdout+r.stderr != "to stdout\n" {
		t.Errorf("the last line is %q", r.stdout+r.stderr)
	}
	last := p.must(0, "logs", id, "--tail", "1")
	if r := p.must(0, "logs", id, "--tail", "1", "--follow"); r != last {
		t.Errorf("the last line is %+v, and followed it is %+v", last, r)
	}
	if r := p.must(0, "logs", id, "--follow", "--attempt", "9"); r.stdout+r.stderr != "" {
		t.Errorf("an attempt that there was not printed %+v", r)
	}
	type chunk struct{ Stream, Text string }
	list := parse[struct{ Items []chunk }](p, p.must(0, "logs", id, "--json").stdout)
	if !slices.Contains(list.Items, chunk{"stdout", "to stdout\n"}) || !slices.Contains(list.Items, chunk{"stderr", "to stderr\n"}) {
		t.Errorf("logs --json: %+v", list)
	}
	if none := p.must(0, "logs", id, "--json", "--attempt", "9").stdout; none != "{\"items\":[]}\n" {
		t.Errorf("no logs are %q", none)
	}
	first, _, _ := strings.Cut(p.must(0, "logs", id, "--follow", "--json").stdout, "\n")
	if event := parse[struct {
		Type string
		Data chunk
	}](p, first); event.Type != "task.log" || event.Data.Text == "" {
		t.Errorf("logs --follow --json: %s", first)
	}
	wantIn(t, p.must(1, "logs", "0198a000-0000-7000-8000-000000000001").stderr, "logs of task")
	wantIn(t, p.must(2, "logs", "1").stderr, "is not the id of a task")
}

func testArtifacts(t *testing.T, p *program) {
	t.Helper()
	id := p.followed(0, "talk").ID
	wantIn(t, p.must(0, "artifacts", id).stdout, "sub/file.txt", "4 B", "text/plain")
	list := parse[struct {
		Items []struct {
			Name, SHA256, URL string
			Size              int
		}
	}](p, p.must(0, "artifacts", id, "--json").stdout)
	if len(list.Items) != 1 || list.Items[0].Size != 4 || len(list.Items[0].SHA256) != 64 || list.Items[0].URL == "" {
		t.Errorf("artifacts --json: %+v", list)
	}
	folder := filepath.Join(t.TempDir(), "new", "folder")
	for range 2 { // the second time they are replaced
		p.must(0, "artifacts", id, "--output", folder)
		if text, err := os.ReadFile(filepath.Join(folder, "sub", "file.txt")); err != nil || string(text) != "kept" {
			t.Errorf("the file holds %q, %v", text, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(folder, "sub")); err != nil || len(entries) != 1 {
		t.Errorf("left beside the file: %v, %v", entries, err)
	}
	if err := os.RemoveAll(filepath.Join(folder, "sub")); err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(folder, "sub")); err != nil {
		t.Fatal(err)
	}
	p.must(1, "artifacts", id, "--output", folder)
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("a link led out of the folder: %v, %v", entries, err)
	}
}

func testTasks(t *testing.T, p *program) {
	t.Helper()
	var ids []string
	for range 3 {
		ids = append(ids, p.submit("talk", "--tag", "listed", "--delay", "1h"))
	}
	slices.Reverse(ids)
	listed := func(args ...string) []string {
		page := parse[struct {
			Items      []task
			NextCursor string
		}](p, p.must(0, append([]string{"tasks", "--tag", "listed", "--json"}, args...)...).stdout)
		var found []string
		for _, item := range page.Items {
			found = append(found, item.ID)
		}
		return found
	}
	if all := listed("--all"); !slices.Equal(all, ids) {
		t.Errorf("--all lists %v, want %v", all, ids)
	}
	if two := listed("--limit", "2"); !slices.Equal(two, ids[:2]) {
		t.Errorf("--limit 2 lists %v, want %v", two, ids[:2])
	}
	if none := listed("--state", "failed"); len(none) != 0 {
		t.Errorf("failed ones: %v", none)
	}
	r := p.must(0, "tasks", "--tag", "listed", "--kind", "talk", "--limit", "1")
	wantIn(t, r.stdout, "ID ", "talk", "pending: scheduled", ids[0])
	wantIn(t, r.stderr, "there are more")
	p.must(2, "tasks", "--limit", "0")
	p.must(1, "tasks", "--state", "sleeping")
}

func testAct(t *testing.T, p *program) {
	t.Helper()
	done := p.followed(0, "talk").ID
	waiting := p.submit("sleep", "--delay", "1h")
	wantIn(t, p.must(1, "delete", waiting).stderr, "delete "+waiting)
	wantIn(t, p.must(1, "cancel", done, waiting).stdout, waiting+" cancelled") // goes on after the refusal
	again := parse[task](p, p.must(0, "rerun", done, "--json").stdout)
	if again.ID == done || again.State != "pending" {
		t.Errorf("rerun: %+v", again)
	}
	wantIn(t, p.must(0, "get", again.ID).stdout, "rerun of", done)
	p.must(0, "retry", done)
	p.must(0, "get", done, "--wait")
	if retried := p.task(done); retried.Attempt != 2 || retried.State != "completed" {
		t.Errorf("retried: %+v", retried)
	}
	wantIn(t, p.must(0, "delete", done, waiting).stdout, done+" deleted", waiting+" deleted")
	p.must(1, "get", done)
	p.must(2, "cancel")
	p.must(2, "cancel", strings.ToUpper(again.ID))
}

func testFleet(t *testing.T, p *program) {
	t.Helper()
	p.workers()
	wantIn(t, p.must(0, "workers").stdout, "POOL", "default", "alive")
	wantIn(t, p.must(0, "pools").stdout, "default", "open")
	wantIn(t, p.must(0, "kinds").stdout, "talk", "Says a little", "sleep")
	type named struct {
		Name     string
		PausedAt *time.Time
	}
	for _, list := range []string{"workers", "pools", "kinds"} {
		if found := parse[struct{ Items []named }](p, p.must(0, list, "--json").stdout); len(found.Items) == 0 {
			t.Errorf("%s --json is empty", list)
		}
	}
	other := newProgram(t, trueKinds).start() // a pause would stop the other tests' tasks
	for what, name := range map[string]string{"kind": "nothing", "pool": "default"} {
		wantIn(t, other.must(0, "pause", what, name).stdout, what+" "+name+" paused")
		wantIn(t, other.must(0, what+"s").stdout, "paused for")
		if resumed := parse[named](other, other.must(0, "resume", what, name, "--json").stdout); resumed.Name != name || resumed.PausedAt != nil {
			t.Errorf("resume %s %s: %+v", what, name, resumed)
		}
		other.must(1, "pause", what, "unknown")
	}
	other.must(2, "pause", "task", "x")
}
