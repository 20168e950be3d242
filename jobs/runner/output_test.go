package runner_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"freshet/jobs"
)

const maxChunk = 32 << 10

// wantChunks checks how a stream was cut.
func wantChunks(t *testing.T, records []jobs.Record) {
	t.Helper()
	for i, record := range records {
		if record.Type != jobs.TaskLog || len(record.Bytes) == 0 || len(record.Bytes) > maxChunk {
			t.Fatalf("record %d: %s of %d bytes", i, record.Type, len(record.Bytes))
		}
		ended := bytes.HasSuffix(record.Bytes, []byte("\n"))
		if !ended && !record.Partial && i != len(records)-1 {
			t.Fatalf("record %d ends in the middle of a line, and is not partial", i)
		}
	}
}

func TestBothStreamsAreComplete(t *testing.T) {
	t.Parallel()
	const lines = 20000
	b := newBench(t, "both", fmt.Sprint(lines))
	ending := b.run(t.Context())
	wantCompleted(t, ending)
	wantChunks(t, b.sink.records)
	var want [2]strings.Builder
	for i := range lines {
		fmt.Fprintf(&want[i%2], "line %d\n", i)
	}
	if b.sink.text(jobs.Stdout) != want[0].String() || b.sink.text(jobs.Stderr) != want[1].String() {
		t.Error("lines are missing or out of order")
	}
	if n := ending.Usage.OutputBytes; n != int64(want[0].Len()+want[1].Len()) {
		t.Errorf("counted %d bytes", n)
	}
	for i, record := range b.sink.records {
		if i > 0 && record.At.Before(b.sink.records[i-1].At.Add(-time.Second)) {
			t.Errorf("record %d is of %s, the one before of %s", i, record.At, b.sink.records[i-1].At)
		}
	}
}

func TestPromptWithoutNewline(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`printf 'Password: '; while [ ! -e "$FRESHET_WORKSPACE/go" ]; do sleep 0.05; done; echo ok`)
	wait := b.begin(t.Context())
	b.sink.await("the prompt", func() bool { return b.sink.text(jobs.Stdout) == "Password: " })
	if err := os.WriteFile(b.file("work/go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := wait(); err != nil {
		t.Fatal(err)
	}
	if first := b.sink.records[0]; !first.Partial || b.sink.text(jobs.Stdout) != "Password: ok\n" {
		t.Errorf("first record %+v of %q", first, b.sink.text(jobs.Stdout))
	}
}

func TestHugeLine(t *testing.T) {
	t.Parallel()
	const size = 50_000_001 // a multiple of a character's three bytes
	b := newBench(t, "line", fmt.Sprint(size))
	wantCompleted(t, b.run(t.Context()))
	wantChunks(t, b.sink.records)
	total := 0
	for i, record := range b.sink.records {
		total += len(record.Bytes)
		if !utf8.Valid(record.Bytes) {
			t.Fatalf("record %d cuts a character in two", i)
		}
	}
	if total != size+1 {
		t.Errorf("stored %d bytes; want %d", total, size+1)
	}
}

func TestBinaryOutput(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	b := newBench(t, "binary", fmt.Sprint(size))
	wantCompleted(t, b.run(t.Context()))
	wantChunks(t, b.sink.records)
	want := sha256.New()
	for n := 0; n < size; n += 1 << 16 {
		block := make([]byte, 1<<16)
		for i := range block {
			block[i] = byte(i * 31 >> 3)
		}
		want.Write(block)
	}
	if got := sha256.Sum256([]byte(b.sink.text(jobs.Stdout))); !bytes.Equal(got[:], want.Sum(nil)) {
		t.Error("what is stored is not what was printed")
	}
}

//nolint:paralleltest // it measures the memory of the whole process.
func TestGigabyteOfOutputInBoundedMemory(t *testing.T) {
	size := 1 << 30
	if testing.Short() {
		size = 1 << 27
	}
	b := newBench(t, "flood", fmt.Sprint(size))
	b.sink.keep = false
	b.sh(fmt.Sprintf(`"$FLOOD" %d; echo '{"output":"there"}' >> $FRESHET_EVENTS; echo '{"event":"late"}' >> $FRESHET_EVENTS`, size))
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b.spec.Env["FLOOD"] = binary
	b.spec.LogBytes = 32 << 20
	var last atomic.Value
	b.sink.fault = func(_ int, flush jobs.Flush) (bool, error) {
		last.Store(string(flush.Records[len(flush.Records)-1].Bytes))
		return true, nil
	}
	peak, stopWatching := watchHeap(t)
	ending := b.run(t.Context())
	stopWatching()
	wantCompleted(t, ending)
	if string(ending.Output) != `"there"` || ending.Usage.OutputBytes != int64(size) {
		t.Errorf("output %s, %d bytes", ending.Output, ending.Usage.OutputBytes)
	}
	if b.sink.size < b.spec.LogBytes || b.sink.size > b.spec.LogBytes+1<<10 {
		t.Errorf("%d bytes are stored; want the limit of %d and a line", b.sink.size, b.spec.LogBytes)
	}
	t.Logf("%d MB of output, peak heap %d MB", size>>20, peak()>>20)
	if peak() > 64<<20 {
		t.Errorf("heap grew to %d MB", peak()>>20)
	}
}

// watchHeap notes how large the heap grows.
func watchHeap(t *testing.T) (peak func() uint64, stop func()) {
	t.Helper()
	runtime.GC()
	var most atomic.Uint64
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapInuse))
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return most.Load, func() { cancel(); <-done }
}

func TestTruncated(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`echo one; echo two; echo three; exit 1`)
	b.spec.LogBytes = 10
	ending := b.run(t.Context())
	wantFailure(t, ending, jobs.CodeExit, "exit code 1")
	if text := b.sink.text(jobs.Stdout); text != "one\ntwo\nth" {
		t.Errorf("kept %q", text)
	}
	if text := b.sink.text(jobs.System); text != "output truncated after 10 bytes; what follows is not kept\n" {
		t.Errorf("said %q", text)
	}
	if ending.Usage.OutputBytes != 14 || ending.Failure.LogTail != "one\ntwo\nthree" {
		t.Errorf("counted %d bytes, tail %q", ending.Usage.OutputBytes, ending.Failure.LogTail)
	}
}

// A Sink that fails, loses answers and loses commits gets all records all the same, in order.
func TestFlushFaults(t *testing.T) {
	t.Parallel()
	down := errors.New("database is down")
	tests := map[string]func(s *memorySink) func(call int, flush jobs.Flush) (bool, error){
		"refuses": func(*memorySink) func(int, jobs.Flush) (bool, error) {
			return func(call int, _ jobs.Flush) (bool, error) { return call%3 == 0, when(call%3 != 0, down) }
		},
		"loses answers": func(*memorySink) func(int, jobs.Flush) (bool, error) {
			return func(call int, _ jobs.Flush) (bool, error) { return true, when(call%2 == 1, down) }
		},
		"loses commits": func(s *memorySink) func(int, jobs.Flush) (bool, error) {
			return func(call int, flush jobs.Flush) (bool, error) {
				if call%3 == 2 { // the failover went to a replica that lagged behind
					s.stored, s.records = flush.From-1, s.records[:flush.From-1]
					return false, nil
				}
				return true, nil
			}
		},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh(`for i in $(seq 8); do echo "line $i"; echo "{\"event\":\"e$i\"}" >> $FRESHET_EVENTS; sleep 0.1; done`)
			b.sink.fault = fault(b.sink)
			wantCompleted(t, b.run(t.Context()))
			if text := b.sink.text(jobs.Stdout); strings.Count(text, "\n") != 8 || !strings.HasSuffix(text, "line 8\n") {
				t.Errorf("stored %q", text)
			}
			events := b.sink.events(jobs.TaskCustom)
			for i, event := range events {
				if want := fmt.Sprintf(`{"name":"e%d"}`, i+1); event != want {
					t.Errorf("event %d is %s; want %s", i, event, want)
				}
			}
			if len(events) != 8 || b.sink.calls < 4 {
				t.Errorf("%d events in %d calls", len(events), b.sink.calls)
			}
		})
	}
}

func when(condition bool, err error) error {
	if condition {
		return err
	}
	return nil
}
