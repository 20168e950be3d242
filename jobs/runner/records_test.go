package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"freshet/jobs"
)

// testSpool is a spool that must not fail.
func testSpool(t testing.TB) *spool {
	t.Helper()
	folder, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := newSpool(folder, nil, func(err error) { t.Error(err) })
	t.Cleanup(func() {
		s.release()
		_ = folder.Close()
	})
	return s
}

// content reads a whole spool.
func content(t testing.TB, s *spool) []jobs.Record {
	t.Helper()
	var all []jobs.Record
	c := &cursor{spool: s}
	for pending, _ := c.pending(); pending > 0; pending, _ = c.pending() {
		records, err := c.batch(batchBytes, batchRecords)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, records...)
		if err := c.seek(int64(len(all))); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// However the pieces come, what is stored is what was printed.
func FuzzOutput(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), uint16(3), uint16(1))
	f.Add([]byte("€uro ÿ \xff\xfe\x00"), uint16(1), uint16(9000))
	f.Fuzz(func(t *testing.T, text []byte, size, times uint16) {
		s := testSpool(t)
		o := newOutput(s, 1<<30)
		printed := bytes.Repeat(text, int(times)%64+1)
		for rest := printed; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			_, _ = o.stdout().Write(rest[:n])
			o.pulse()
			rest = rest[n:]
		}
		o.close()
		var stored []byte
		for _, record := range content(t, s) {
			if len(record.Bytes) == 0 || len(record.Bytes) > chunkBytes || record.Stream != jobs.Stdout {
				t.Fatalf("record of %d bytes of %s", len(record.Bytes), record.Stream)
			}
			stored = append(stored, record.Bytes...)
		}
		if !bytes.Equal(stored, printed) || o.total != int64(len(printed)) {
			t.Fatalf("stored %q of %q", stored, printed)
		}
		if tail := o.tail.String(); !utf8.ValidString(tail) || strings.IndexByte(tail, 0) >= 0 {
			t.Fatalf("log tail %q", tail)
		}
	})
}

func TestOrderAcrossStreams(t *testing.T) {
	t.Parallel()
	s := testSpool(t)
	o := newOutput(s, 1<<20)
	for _, said := range []string{"o 1\no", "e 1\n", " 2\n", "e 2\ne", "o 3", " 3\n"} {
		w := o.stdout()
		if strings.HasPrefix(said, "e") || said == " 3\n" {
			w = o.stderr()
		}
		_, _ = io.WriteString(w, said)
	}
	o.close()
	var order strings.Builder
	for _, record := range content(t, s) {
		fmt.Fprintf(&order, "%s %q, ", record.Stream, record.Bytes)
	}
	want := `stdout "o 1\n", stderr "e 1\n", stdout "o 2\n", stderr "e 2\n", stdout "o 3", stderr "e 3\n", `
	if order.String() != want {
		t.Errorf("stored %s", &order)
	}
}

// Whatever a command writes to its event file, what comes of it can be stored.
func FuzzEventFile(f *testing.F) {
	for _, line := range []string{
		`{"progress":45,"message":"x"}`, `{"event":"e","data":{"a":[1]}}`, `{"output":null}`, `{"alive":true}`,
		`{"error":{"message":"m","code":"c","detail":"d","retry":false,"retryAfter":"30s"}}`, "\x00\xff", `{"output`,
	} {
		f.Add([]byte(line+"\n"+line), uint8(7))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint8) {
		folder := t.TempDir()
		path := filepath.Join(folder, eventsName)
		root, err := os.OpenRoot(folder)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		first := text[:min(len(text), int(cut))]
		if err := os.WriteFile(path, first, 0o600); err != nil {
			t.Fatal(err)
		}
		spool := testSpool(t)
		r := &report{spool: spool, printed: newOutput(spool, 0)}
		events, err := openEventFile(root, r)
		if err != nil {
			t.Fatal(err)
		}
		defer events.close()
		events.poll()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		events.finish()
		if r.output != nil && !json.Valid(r.output) {
			t.Fatalf("output %q", r.output)
		}
		for _, record := range content(t, r.spool) {
			if !utf8.Valid(record.Data) || !utf8.Valid(record.Bytes) || bytes.IndexByte(record.Bytes, 0) >= 0 {
				t.Fatalf("record %+v", record)
			}
			if record.Type != jobs.TaskLog && !json.Valid(record.Data) {
				t.Fatalf("event %q", record.Data)
			}
		}
	})
}

// What is read from a spool is what was put in, in whatever batches, and from any place again.
func TestSpoolKeepsRecords(t *testing.T) {
	t.Parallel()
	s := testSpool(t)
	for i := range 2000 {
		if i%3 == 0 {
			s.append(jobs.Record{Type: jobs.TaskCustom, Data: json.RawMessage(bytes.Repeat([]byte("7"), i+1))})
		} else {
			s.append(jobs.Record{Type: jobs.TaskLog, Stream: jobs.Stderr, Partial: i%2 == 0, Bytes: bytes.Repeat([]byte("x"), i)})
		}
	}
	c := &cursor{spool: s}
	for _, position := range []int64{0, 1999, 3, 1000, 999, 2000, 0} {
		if err := c.seek(position); err != nil {
			t.Fatal(err)
		}
		if position == 2000 {
			continue
		}
		records, err := c.batch(batchBytes, 2)
		if err != nil {
			t.Fatal(err)
		}
		i, first := int(position), records[0]
		if event := i%3 == 0; event != (first.Type == jobs.TaskCustom) || event && len(first.Data) != i+1 || !event && len(first.Bytes) != i {
			t.Errorf("record %d is %s of %d and %d bytes", i, first.Type, len(first.Data), len(first.Bytes))
		}
		if first.Type == jobs.TaskLog && (first.Stream != jobs.Stderr || first.Partial != (i%2 == 0)) {
			t.Errorf("record %d is of %s, partial %v", i, first.Stream, first.Partial)
		}
	}
	if err := c.seek(2001); err == nil {
		t.Error("there is no record 2001")
	}
}
