package attacks_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What a command prints is output and nothing else, however much it looks like something else.
func TestHostileOutput(t *testing.T) {
	t.Parallel()
	a := newTarget(t)
	a.start("worker", "--workspaces", t.TempDir(), "--allow-root-children")
	made, err := a.command("submit", "hostile").Output()
	a.ok(err)
	id, _, _ := strings.Cut(string(made), " ")
	var task struct {
		State    string
		Progress int
		Output   json.RawMessage
		Attempt  int
	}
	text := a.get("/v1/tasks/"+id+"?wait=30s&until=end", adminKey).body
	a.ok(json.Unmarshal([]byte(text), &task))
	if task.State != "completed" || string(task.Output) != `{"real":true}` || task.Attempt != 1 {
		t.Fatalf("the task is %s", text)
	}
	for _, format := range []string{"text", "json"} {
		logs := a.get("/v1/tasks/"+id+"/logs?format="+format, adminKey)
		if kind := logs.header.Get("Content-Type"); strings.Contains(kind, "html") || logs.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("the output is served as %s", kind)
		}
		if format == "json" && (!json.Valid([]byte(logs.body)) || strings.ContainsAny(logs.body, "\x1b\x00\x07\r")) {
			t.Errorf("the output as JSON: %q", logs.body)
		}
	}
	stream := a.get("/v1/tasks/"+id+"/stream?include=logs", adminKey).body
	if n := strings.Count(stream, "\nevent: task.completed\n"); n != 1 || strings.ContainsAny(stream, "\x1b\x00\r") {
		t.Errorf("the stream tells of %d ends: %q", n, stream)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(a.logged()), "\n") {
		if !json.Valid([]byte(line)) || strings.Contains(line, "forged") {
			t.Errorf("the API logged %s", line)
		}
	}
	for _, args := range [][]string{{"logs", id}, {"logs", "--follow", id}, {"get", id}, {"tasks"}} {
		if shown := a.onTerminal(args...); !strings.Contains(shown, id) && args[0] != "logs" || args[0] == "logs" && !strings.Contains(shown, `\x1b]52;c;`) {
			t.Errorf("%v does not show what this test looks for: %q", args, shown)
		} else if i := strings.IndexFunc(shown, commands); i >= 0 {
			t.Errorf("%v sends a terminal %q", args, shown[i:min(len(shown), i+40)])
		}
	}
	if shown := a.onTerminal("logs", "--raw", id); strings.IndexFunc(shown, commands) < 0 {
		t.Errorf("this test cannot see what steers a terminal: %q", shown)
	}
}

// commands tells whether a terminal would obey the character; its driver adds returns to newlines itself.
func commands(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r >= 0x7f && r < 0xa0
}

// onTerminal runs a freshet at a terminal, and returns what is sent there.
func (a *target) onTerminal(args ...string) string {
	a.t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	a.ok(err)
	defer ours.Close()
	a.ok(unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	a.ok(err)
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	a.ok(err)
	program := a.command(args...)
	program.Stdout, program.Stderr = theirs, theirs
	a.ok(program.Start())
	theirs.Close()
	shown, _ := io.ReadAll(ours) // ends with EIO, when nobody has the other side open any more
	if err := program.Wait(); err != nil {
		a.t.Errorf("%v: %v: %s", args, err, shown)
	}
	return string(shown)
}
