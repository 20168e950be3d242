package postgres_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func (b *bench) usage(owner string) int64 {
	b.t.Helper()
	usage, err := b.Usage(b.t.Context(), []string{owner, "nobody"})
	b.ok(err)
	if usage["nobody"] != 0 {
		b.t.Errorf("who has no task takes %d bytes", usage["nobody"])
	}
	return usage[owner]
}

// Whatever happens to a task, what it is said to take is what is there.
func TestUsageIsWhatIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	input := json.RawMessage(`{"text": "ä"}`)
	mine := func(s *jobs.Submission) { s.Input = input }
	b.submit(func(s *jobs.Submission) { s.Owner = "bob" })
	task := b.submit(mine)
	kept := int64(len(input))
	expect := func(what string) {
		t.Helper()
		if got := b.usage("ada"); got != kept {
			t.Errorf("%s: %d bytes, want %d", what, got, kept)
		}
		b.dense(t.Context())
	}
	expect("submitted")
	claim := b.claim(task, b.worker("work"))
	flush := jobs.Flush{Fence: claim.Fence, To: 2, Records: []jobs.Record{
		{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("0123456789")},
		{At: time.Now(), Type: jobs.TaskProgress, Data: json.RawMessage(`{"progress":50}`)},
	}}
	for range 2 { // the second time it is there already
		_, err := b.Flush(t.Context(), flush)
		b.ok(err)
	}
	kept += 10
	expect("printed")
	for _, content := range []string{strings.Repeat("x", 100), strings.Repeat("y", 30)} { // the second takes the first's place
		b.ok(b.SaveArtifact(t.Context(), claim.Fence, "a.txt", "text/plain", strings.NewReader(content)))
	}
	kept += 30
	expect("left a file")
	stale := claim.Fence
	stale.WorkerID = uuid.New()
	if err := b.SaveArtifact(t.Context(), stale, "b.txt", "text/plain", strings.NewReader("z")); err == nil {
		t.Error("a stale worker leaves a file")
	}
	expect("a stale worker left nothing")
	b.ok(b.End(t.Context(), completed(claim, `{"n": 1}`)))
	kept += 8
	expect("completed")
	b.ok(b.Retry(t.Context(), task, jobs.Kind{Name: "work", Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}}, "h"))
	kept -= 8
	expect("begun anew")
	b.ok(b.Cancel(t.Context(), task))
	expect("cancelled")
	b.ok(b.Remove(t.Context(), task))
	kept = 0
	expect("deleted")
}

func TestOpenTasksAreCountedUpToALimit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tasks := b.of("ada", 5)
	b.of("bob", 1)
	b.ok(b.Cancel(t.Context(), tasks[0]))
	for limit, want := range map[int]int{3: 3, 4: 4, 5: 4, 1000: 4} {
		open, err := b.OpenTasks(t.Context(), "ada", limit)
		b.ok(err)
		if open != want {
			t.Errorf("up to %d: %d, want %d", limit, open, want)
		}
	}
}
