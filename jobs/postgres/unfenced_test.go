//go:build unfenced

package postgres_test

import (
	"testing"
	"time"

	"freshet/jobs"
)

// TestWithoutTheFence is the negative control of all tests of stale writes: in a build without the fence,
// each write of a worker whose attempt was taken over goes through. So it is the fence that stops them.
func TestWithoutTheFence(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dead, alive := b.worker("work"), b.worker("work")
	id := b.submit()
	claim := b.claim(id, dead)
	stale := jobs.Candidate{TaskID: id, Attempt: claim.Attempt, RiverJob: claim.RiverJob}
	if _, refusal, err := b.Claim(t.Context(), alive, stale); err != nil || refusal != jobs.ClaimGranted {
		t.Errorf("claim of what runs elsewhere: %q, %v", refusal, err)
	}
	b.die(dead, jobs.Death{Signal: "SIGKILL"})
	if _, err := b.Pool().Exec(t.Context(), `UPDATE freshet.attempts SET worker_id = $2 WHERE task_id = $1`, id, dead); err != nil {
		t.Fatal(err)
	}
	b.reap(1)
	for what, err := range map[string]error{
		"artifact": b.SaveArtifact(t.Context(), claim.Fence, "a", "text/plain", slicesReader("x")),
		"log, event and progress": func() error {
			_, err := b.Flush(t.Context(), jobs.Flush{Fence: claim.Fence, To: 1, Records: []jobs.Record{{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("x")}}})
			return err
		}(),
		"end": b.End(t.Context(), completed(claim, `{}`)),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
