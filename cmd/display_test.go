package cmd

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"freshet/cmd/client"
	"freshet/jobs"
)

// script is a life of a task: its entries, and the task as it was read in between.
func script() []any {
	event := func(kind jobs.EventType, data string) client.Event {
		return client.Event{Type: kind, Attempt: 1, Data: json.RawMessage(data)}
	}
	return []any{
		client.Task{State: jobs.Pending, Wait: &jobs.Wait{Reason: jobs.WaitQueued}},
		event(jobs.TaskCreated, `{"task":{}}`),
		client.Task{State: jobs.Pending, Wait: &jobs.Wait{Reason: jobs.WaitNoWorker}},
		client.Task{State: jobs.Pending, Wait: &jobs.Wait{Reason: jobs.WaitNoWorker}},
		event(jobs.TaskStarted, `{"workerId":"w"}`),
		client.Task{State: jobs.Running},
		event(jobs.TaskLog, `{"stream":"stdout","text":"one\ntw"}`),
		event(jobs.TaskLog, `{"stream":"stderr","text":"oops\u001b[2J"}`),
		event(jobs.TaskProgress, `{"progress":50,"message":"half\nway"}`),
		event(jobs.TaskLog, `{"stream":"stdout","text":"o\n"}`),
		event(jobs.TaskProgress, `{"message":"nearly"}`),
		event(jobs.TaskCustom, `{"name":"chapter","data":{"n":1}}`),
		event(jobs.TaskRetrying, `{"error":{"code":"exit","message":"exit code 7"},"nextAttempt":2,"dueAt":"2030-01-01T00:00:00Z"}`),
		client.Task{State: jobs.Completed, Progress: 100, Message: "done"},
		event(jobs.TaskProgress, `{"progress":100}`),
		event(jobs.TaskLog, `{"stream":"stdout","text":"bye"}`),
		event(jobs.TaskCompleted, `{}`),
	}
}

func play(t *testing.T, d *display) {
	t.Helper()
	for _, step := range script() {
		switch step := step.(type) {
		case client.Task:
			d.task(step)
		case client.Event:
			if err := d.entry(step); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.finish(); err != nil {
		t.Fatal(err)
	}
}

func TestDisplayInLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	play(t, &display{scroll: scroll{w: &out}})
	due := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Local().Format(time.TimeOnly)
	want := `freshet: waiting for a worker that has its kind
freshet: attempt 1 runs
one
tw
oops` + "\x1b[2J" + `
 50% half way
o
 50% nearly
freshet: chapter {"n":1}
freshet: attempt 1 failed (exit): exit code 7; attempt 2 follows at ` + due + "\n100% nearly\nbye\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestDisplayOnATerminal plays what a terminal is sent on a little terminal of its own.
func TestDisplayOnATerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	play(t, &display{scroll: scroll{w: &out, live: true}})
	sent := out.String()
	for _, bar := range []string{"waiting for a free slot", "[------------------------]   0%", "[############------------]  50% half way", "[############------------]  50% nearly"} {
		if !strings.Contains(sent, cutLines+bar) {
			t.Errorf("the bar %q was never drawn: %q", bar, sent)
		}
	}
	if steering := strings.NewReplacer(emptyLine, "", cutLines, "", wrapLines, "").Replace(sent); strings.Contains(steering, "\x1b") {
		t.Errorf("output steers the terminal: %q", steering)
	}
	due := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Local().Format(time.TimeOnly)
	want := "freshet: attempt 1 runs\none\ntw\noops\\x1b[2J\no\nfreshet: chapter {\"n\":1}\n" +
		"freshet: attempt 1 failed (exit): exit code 7; attempt 2 follows at " + due + "\nbye\n"
	if got := remains(sent); got != want {
		t.Errorf("what stays on the terminal is\n%q\nwant\n%q", got, want)
	}
}

// remains is what stands on a terminal after all that it was sent.
func remains(sent string) string {
	sent = strings.NewReplacer(cutLines, "", wrapLines, "").Replace(sent)
	var screen strings.Builder
	for i, part := range strings.Split(sent, emptyLine) {
		if i > 0 { // the line that the cursor stands on is gone
			kept := screen.String()
			screen.Reset()
			screen.WriteString(kept[:strings.LastIndexByte(kept, '\n')+1])
		}
		screen.WriteString(part)
	}
	return screen.String()
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := table(&out, widestCell, [][]string{{"ID", "MESSAGE", "AGE"}, {"1", "two\nlines\x1b[1m", "3s"}, {"22", "", ""}})
	if want := "ID  MESSAGE           AGE\n1   two lines\\x1b[1m  3s\n22\n"; err != nil || out.String() != want {
		t.Errorf("got\n%s\nwant\n%s%v", out.String(), want, err)
	}
}

func TestSizesAndAges(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 1<<40 + 1<<39: "1.5 TiB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d bytes are %q, want %q", bytes, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-time.Second: "0s", 59 * time.Second: "59s", time.Hour - 1: "59m", 47 * time.Hour: "47h", 72 * time.Hour: "3d"} {
		if got := short(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
