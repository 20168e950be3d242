package postgres_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"freshet/jobs"
)

// die has a worker die as its supervisor tells it.
func (b *bench) die(worker uuid.UUID, death jobs.Death) {
	b.t.Helper()
	b.ok(b.WorkerDied(b.t.Context(), worker, death))
}

func (b *bench) reap(want int) {
	b.t.Helper()
	if reaped, err := b.Reap(b.t.Context(), 100); err != nil || reaped != want {
		b.t.Fatalf("reaped %d attempts, want %d: %v", reaped, want, err)
	}
}

func TestReapedAttemptIsTakenOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dead, alive := b.worker("work"), b.worker("work")
	id, other := b.submit(), b.submit()
	claim, kept := b.claim(id, dead), b.claim(other, alive)
	b.reap(0)
	b.die(dead, jobs.Death{Signal: "SIGKILL"})
	b.reap(1)
	b.reap(0)
	task := b.task(id)
	if task.State != jobs.Pending || task.Attempt != 2 || task.Tries != 0 || task.Failure != nil {
		t.Errorf("after the reaper: %+v", task)
	}
	if got, want := b.types(id), []jobs.EventType{jobs.TaskCreated, jobs.TaskStarted, jobs.TaskInterrupted}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	attempts, err := b.Attempts(t.Context(), id)
	b.ok(err)
	if first := attempts[0]; first.Outcome != jobs.OutcomeLost || first.Signal != "SIGKILL" || first.Failure == nil || first.Failure.Code != jobs.CodeLost {
		t.Errorf("the lost attempt: %+v", first)
	}
	b.fenced(claim)
	b.ok(b.End(t.Context(), completed(b.claim(id, alive), `{}`)))
	b.ok(b.End(t.Context(), completed(kept, `{}`)))
	b.dense(t.Context())
}

// fenced fails the test unless every write for the claim is refused.
func (b *bench) fenced(claim jobs.Claim) {
	b.t.Helper()
	before := b.task(claim.TaskID)
	b.refused("a worker that was reaped", claim.Fence)
	if _, err := b.Beat(b.t.Context(), claim.WorkerID); !errors.Is(err, jobs.ErrNotFound) {
		b.t.Errorf("a dead worker beats: %v", err)
	}
	if after := b.task(claim.TaskID); after.Seq != before.Seq || after.State != before.State || after.Attempt != before.Attempt {
		b.t.Errorf("a stale write changed the task: %+v, then %+v", before, after)
	}
}

func TestReapedCancelIsNoRetry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	id := b.submit()
	b.claim(id, worker)
	b.ok(b.Cancel(t.Context(), id))
	b.die(worker, jobs.Death{})
	b.reap(1)
	if task := b.task(id); task.State != jobs.Cancelled || task.Attempt != 1 {
		t.Errorf("after the reaper: %+v", task)
	}
	b.dense(t.Context())
}

func TestPoison(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := 1
	id := b.submit()
	for i, death := range []jobs.Death{{Signal: "SIGSEGV"}, {}, {ExitCode: &one}, {}, {}} { // silence is no evidence
		worker := b.worker("work")
		b.claim(id, worker)
		b.die(worker, death)
		b.reap(1)
		if task := b.task(id); task.State != jobs.Pending {
			t.Fatalf("after death %d: %+v", i, task)
		}
	}
	worker := b.worker("work")
	b.claim(id, worker)
	b.die(worker, jobs.Death{Signal: "SIGSEGV"})
	b.reap(1)
	if task := b.task(id); task.State != jobs.Failed || task.Failure.Code != jobs.CodeCrashed || task.Failure.Signal != "SIGSEGV" || task.Failure.Retryable {
		t.Errorf("after the third crash: %+v, %+v", task, task.Failure)
	}
	b.dense(t.Context())
}

func TestWorkerThatIsGoneLosesItsAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	id := b.submit()
	claim := b.claim(id, worker)
	b.ok(b.RemoveWorker(t.Context(), worker))
	b.reap(1)
	if task := b.task(id); task.State != jobs.Pending || task.Attempt != 2 {
		t.Errorf("after the reaper: %+v", task)
	}
	b.fenced(claim)
}

// A beat that comes between the look and the burial saves the worker.
func TestBuryOnlyWhoWasSilent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	seen, err := b.Vitals(t.Context())
	b.ok(err)
	if len(seen) != 1 || seen[0].Worker != worker || seen[0].Locked || seen[0].Lease != lease {
		t.Fatalf("vitals %+v", seen)
	}
	_, err = b.Beat(t.Context(), worker)
	b.ok(err)
	if buried, err := b.Bury(t.Context(), seen); err != nil || buried != 0 {
		t.Fatalf("buried %d living workers: %v", buried, err)
	}
	seen, err = b.Vitals(t.Context())
	b.ok(err)
	if buried, err := b.Bury(t.Context(), seen); err != nil || buried != 1 {
		t.Fatalf("buried %d workers, want 1: %v", buried, err)
	}
	if _, err := b.Beat(t.Context(), worker); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("a buried worker beats: %v", err)
	}
	b.ok(b.ForgetWorkers(t.Context(), 0))
}

// The worker fetched the River job, and died before it claimed.
func TestRequeueWhatWasFetchedAndNotClaimed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dead, alive := b.worker("work"), b.worker("work")
	fetch := func(id, worker uuid.UUID) jobs.Candidate {
		candidate, _ := b.candidate(id)
		_, err := b.Pool().Exec(t.Context(), `UPDATE river.river_job SET state = 'running', attempt = 1, attempted_at = now(),
			attempted_by = ARRAY[$2] WHERE id = $1`, candidate.RiverJob, worker.String())
		b.ok(err)
		return candidate
	}
	lost, kept := b.submit(), b.submit()
	stale, fresh := fetch(lost, dead), fetch(kept, alive)
	b.die(dead, jobs.Death{})
	if requeued, err := b.Requeue(t.Context(), 100); err != nil || requeued != 1 {
		t.Fatalf("requeued %d attempts, want 1: %v", requeued, err)
	}
	if requeued, err := b.Requeue(t.Context(), 100); err != nil || requeued != 0 {
		t.Fatalf("requeued %d attempts again: %v", requeued, err)
	}
	again, _ := b.candidate(lost)
	same, _ := b.candidate(kept)
	if again.RiverJob == stale.RiverJob || same.RiverJob != fresh.RiverJob {
		t.Error("the wrong attempt got a new River job")
	}
	if _, refusal, err := b.Claim(t.Context(), dead, stale); err != nil || refusal != jobs.ClaimStale {
		t.Errorf("the dead worker's claim: %q, %v", refusal, err)
	}
	b.claim(lost, alive)
	b.claim(kept, alive)
	b.dense(t.Context())
}

// The worker fetched the River job, was frozen and buried, woke before anyone took over, was refused the
// claim, and so had River complete the job: the attempt is queued, under a job that nobody will fetch.
func TestRequeueWhatADeadWorkerHadRiverComplete(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dead, alive := b.worker("work"), b.worker("work")
	id := b.submit()
	stale, _ := b.candidate(id)
	b.die(dead, jobs.Death{})
	if _, refusal, err := b.Claim(t.Context(), dead, stale); err != nil || refusal != jobs.ClaimStale {
		t.Fatalf("the dead worker's claim: %q, %v", refusal, err)
	}
	_, err := b.Pool().Exec(t.Context(), `UPDATE river.river_job SET state = 'completed', attempt = 1, attempted_at = now(),
		finalized_at = now(), attempted_by = ARRAY[$2] WHERE id = $1`, stale.RiverJob, dead.String())
	b.ok(err)
	if requeued, err := b.Requeue(t.Context(), 100); err != nil || requeued != 1 {
		t.Fatalf("requeued %d attempts, want 1: %v", requeued, err)
	}
	b.ok(b.End(t.Context(), completed(b.claim(id, alive), `{}`)))
	b.dense(t.Context())
}
