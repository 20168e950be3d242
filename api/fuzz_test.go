package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/secret"
)

// Whatever a client sends as a cursor, it is refused, or it is one that this very list has given.
func FuzzCursor(f *testing.F) {
	s := &Server{cursors: secret.NewSigner(cursorPurpose, []byte("0123456789abcdef0123456789abcdef"))}
	ada, bob := []string{"tasks", "ada", ""}, []string{"tasks", "bob", ""}
	good := s.cursor(uuid.UUID{1}, ada)
	for _, seed := range []string{good, s.cursor(uuid.UUID{1}, bob), good + "=", good[1:], strings.ToUpper(good), "", "\n", "' OR 1=1 --", "AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := s.readCursor(text, ada)
		if err == nil && text != "" && s.cursor(id, ada) != text {
			t.Errorf("%q is taken for the cursor of %s", text, id)
		}
		if _, err := s.readCursor(good, bob); err == nil {
			t.Error("bob's list takes ada's cursor")
		}
	})
}

// Whatever a task says, its frame is one event: three lines and an empty one, from which the same comes back.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("a\n\nevent: task.completed\ndata: {}\n\n"), "name\r\nid: 9", false)
	f.Add([]byte("\xff\x00\u2028\u2029\r"), "</script>", true)
	f.Fuzz(func(t *testing.T, printed []byte, name string, log bool) {
		data, err := json.Marshal(map[string]string{"name": name})
		if err != nil {
			t.Fatal(err)
		}
		entry := jobs.Entry{Event: jobs.Event{TaskID: uuid.UUID{1}, Seq: 7, Attempt: 1, At: time.Unix(0, 0), Type: jobs.TaskCustom, Data: data}}
		if log {
			entry.Type, entry.Stream, entry.Bytes = jobs.TaskLog, jobs.Stdout, printed
		}
		text, err := frameOf(entry, json.RawMessage("{\n}"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(text, "\r\x00\u2028\u2029") || !utf8.Valid(text) || !bytes.HasSuffix(text, []byte("\n\n")) {
			t.Errorf("frame %q", text)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n\n"), "\n")
		if len(lines) != 3 || lines[0] != "id: 7" || lines[1] != "event: "+string(entry.Type) || !strings.HasPrefix(lines[2], "data: ") {
			t.Fatalf("frame %q", text)
		}
		var told struct{ Data struct{ Name, Text string } }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(lines[2], "data: ")), &told); err != nil {
			t.Fatal(err)
		}
		if want := string(bytes.ToValidUTF8(printed, []byte("\uFFFD"))); log && told.Data.Text != want {
			t.Errorf("printed %q, told %q", want, told.Data.Text)
		}
		if want := strings.ToValidUTF8(name, "\uFFFD"); !log && utf8.ValidString(name) && told.Data.Name != want {
			t.Errorf("said %q, told %q", want, told.Data.Name)
		}
	})
}
