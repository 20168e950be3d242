package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/process"
	"freshet/jobs/runner"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	if err := process.Adopt(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// memorySink is a Sink in memory that holds every Flush to its protocol.
type memorySink struct {
	t         testing.TB
	fault     func(call int, flush jobs.Flush) (commit bool, err error)
	keep      bool // the records themselves, not only their number and size
	mu        sync.Mutex
	calls     int
	cancel    bool
	stored    int64
	size      int64
	records   []jobs.Record
	progress  *int
	message   *string
	artifacts map[string]artifact
	changed   chan struct{} // closed and renewed with every flush
}

type artifact struct{ contentType, content string }

func newSink(t testing.TB) *memorySink {
	t.Helper()
	return &memorySink{t: t, keep: true, artifacts: map[string]artifact{}, changed: make(chan struct{})}
}

func (s *memorySink) Flush(_ context.Context, flush jobs.Flush) (jobs.Flushed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if flush.To-flush.From != int64(len(flush.Records)) || len(flush.Records) == 0 {
		s.t.Errorf("flush of %d to %d has %d records", flush.From, flush.To, len(flush.Records))
	}
	if flush.From > s.stored {
		s.t.Errorf("flush begins at %d, stored are %d", flush.From, s.stored)
	}
	commit, err := true, error(nil)
	if s.fault != nil {
		commit, err = s.fault(s.calls, flush)
	}
	if commit && flush.From == s.stored {
		s.store(flush)
	}
	return jobs.Flushed{Stored: s.stored, CancelRequested: s.cancel}, err
}

func (s *memorySink) store(flush jobs.Flush) {
	s.stored = flush.To
	for _, record := range flush.Records {
		s.size += int64(len(record.Bytes) + len(record.Data))
	}
	if s.keep {
		s.records = append(s.records, flush.Records...)
	}
	if flush.Progress != nil {
		s.progress = flush.Progress
	}
	if flush.Message != nil {
		s.message = flush.Message
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *memorySink) SaveArtifact(_ context.Context, _ jobs.Fence, name, contentType string, content io.Reader) error {
	read, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.artifacts[name] = artifact{contentType, string(read)}
	return nil
}

// text is what is stored of a stream.
func (s *memorySink) text(stream jobs.Stream) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text bytes.Buffer
	for _, record := range s.records {
		if record.Type == jobs.TaskLog && record.Stream == stream {
			text.Write(record.Bytes)
		}
	}
	return text.String()
}

// events is the data of what is stored of a type.
func (s *memorySink) events(kind jobs.EventType) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var events []string
	for _, record := range s.records {
		if record.Type == kind {
			events = append(events, string(record.Data))
		}
	}
	return events
}

// await waits until a condition holds.
func (s *memorySink) await(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// bench is a host with a sink, and a kind whose command is this test binary in a role.
type bench struct {
	t     testing.TB
	host  *runner.Host
	sink  *memorySink
	spec  jobs.Kind
	claim jobs.Claim
}

func newBench(t testing.TB, role string, arguments ...string) *bench {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sink := newSink(t)
	environment := map[string]string{"PATH": "/usr/bin:/bin", "HOME": "/home/worker"}
	return &bench{
		t: t, sink: sink,
		host: &runner.Host{
			Root: t.TempDir(), Project: t.TempDir(), Sink: sink, ShowEnv: map[string][]string{"test": {roleVariable}},
			Lookup: func(name string) (string, bool) { value, found := environment[name]; return value, found },
		},
		spec: jobs.Kind{
			Name: "test", Command: append([]string{binary}, arguments...), Cwd: jobs.CwdProject,
			Env: map[string]string{roleVariable: role}, Timeout: time.Minute, Grace: 5 * time.Second,
			Retry: jobs.Retry{MaxAttempts: 3, Initial: 5 * time.Second, Factor: 2, Max: time.Minute}, LogBytes: 64 << 20,
		},
		claim: jobs.Claim{
			Fence: jobs.Fence{TaskID: uuid.New(), Attempt: 2, WorkerID: uuid.New()}, RiverJob: 77,
			Owner: "alice", Kind: "test", Input: json.RawMessage(`{"name":"x y"}`), Tries: 1, MaxTries: 3,
		},
	}
}

// file is the path of something in the attempt's workspace.
func (b *bench) file(name string) string {
	return filepath.Join(b.host.Root, runner.FolderName(b.claim.Fence), name)
}

// run runs the attempt to its ending.
func (b *bench) run(ctx context.Context) jobs.Ending {
	b.t.Helper()
	ending, err := b.try(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	if ending.Fence != b.claim.Fence || ending.RiverJob != b.claim.RiverJob {
		b.t.Errorf("ending is of %+v, %d", ending.Fence, ending.RiverJob)
	}
	return ending
}

// try runs the attempt, which may have no ending, and checks that nothing of it is left on disk.
func (b *bench) try(ctx context.Context) (jobs.Ending, error) {
	b.t.Helper()
	k, err := kind.Compile(b.spec)
	if err != nil {
		b.t.Fatal(err)
	}
	ending, err := b.host.Run(ctx, b.claim, k)
	if left, readErr := os.ReadDir(b.host.Root); readErr == nil && len(left) > 0 {
		b.t.Errorf("left on disk: %v", left)
	}
	return ending, err
}

// begin runs the attempt in the background; the function waits for its end.
func (b *bench) begin(ctx context.Context) (wait func() (jobs.Ending, error)) {
	var ending jobs.Ending
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		ending, err = b.try(ctx)
	}()
	return func() (jobs.Ending, error) {
		b.t.Helper()
		select {
		case <-done:
		case <-time.After(patience):
			b.t.Fatal("the attempt does not end")
		}
		return ending, err
	}
}

// sh makes the command a shell script.
func (b *bench) sh(script string) *bench {
	b.spec.Command = []string{"sh", "-c", script}
	return b
}

func wantFailure(t *testing.T, ending jobs.Ending, code jobs.Code, message string) {
	t.Helper()
	switch {
	case ending.Outcome != jobs.OutcomeFailed || ending.Failure == nil:
		t.Fatalf("outcome %s, failure %+v; want %s", ending.Outcome, ending.Failure, code)
	case ending.Failure.Code != code || !strings.Contains(ending.Failure.Message, message):
		t.Errorf("failure %s %q; want %s %q", ending.Failure.Code, ending.Failure.Message, code, message)
	}
}

func wantCompleted(t *testing.T, ending jobs.Ending) {
	t.Helper()
	if ending.Outcome != jobs.OutcomeCompleted || ending.Failure != nil || ending.Next != nil {
		t.Fatalf("outcome %s, failure %+v, next %+v; want completed", ending.Outcome, ending.Failure, ending.Next)
	}
}

func sortedNames(artifacts map[string]artifact) []string { return slices.Sorted(maps.Keys(artifacts)) }

// fence makes every later flush a stale one.
func (s *memorySink) fence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = func(int, jobs.Flush) (bool, error) { return false, fmt.Errorf("flush: %w", jobs.ErrFenced) }
}
