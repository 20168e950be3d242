package worker_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/postgres"
)

// starts notes whose attempts began, and when.
type starts struct {
	mu     sync.Mutex
	owners []string
	begun  chan time.Time // of bob's
}

func (s *starts) begin(owner string) {
	now := time.Now()
	s.mu.Lock()
	s.owners = append(s.owners, owner)
	s.mu.Unlock()
	if owner == "bob" {
		s.begun <- now
	}
}

func (s *starts) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.owners)
}

func (b *bench) flood(owner string, count int) {
	b.t.Helper()
	for batch := range slices.Chunk(make([]jobs.Submission, count), 1000) {
		for i := range batch {
			batch[i] = jobs.Submission{
				ID: uuid.Must(uuid.NewV7()), Owner: owner, Kind: "work", KindHash: b.hash, Pool: "default", MaxTries: 3,
				Priority: jobs.Normal, Input: json.RawMessage(`{}`),
			}
		}
		_, err := b.SubmitAll(b.t.Context(), batch)
		b.ok(err)
	}
}

// One owner has 10,000 tasks that wait for four slots. Each of another's starts within the time of one slot.
func TestAFloodDelaysNobody(t *testing.T) {
	t.Parallel()
	const slots, flood, takes, tries = 4, 10_000, 300 * time.Millisecond, 20
	b := newBench(t)
	b.kind.Concurrency.Total = slots
	b.ok(b.SyncKinds(t.Context(), []jobs.Kind{b.kind}))
	controller := control.New(b.Store, slog.New(slog.DiscardHandler))
	listener, err := b.Listener(b.Pool().Config().ConnString(), postgres.Hints{Control: controller.Wake, All: controller.Wake})
	b.ok(err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var parts sync.WaitGroup
	parts.Go(func() { _ = controller.Run(ctx) })
	parts.Go(func() { _ = listener.Run(ctx) })
	defer parts.Wait()
	defer stop()
	b.flood("ada", flood)
	seen := &starts{begun: make(chan time.Time, 1)}
	_, leave := b.start(slots, time.Second, func(ctx context.Context, claim jobs.Claim) (jobs.Ending, error) {
		seen.begin(claim.Owner)
		work := time.NewTimer(takes)
		defer work.Stop()
		select {
		case <-work.C:
		case <-ctx.Done():
		}
		return completed(claim), nil
	})
	defer leave()
	b.until("all slots are taken", func() bool { return seen.count() >= slots })
	var delays []time.Duration
	for range tries {
		b.flood("bob", 1)
		submitted, before := time.Now(), seen.count()
		began := <-seen.begun
		delays = append(delays, began.Sub(submitted))
		// Whoever was admitted before starts before, and whoever was just being admitted; nobody else does.
		if others := seen.count() - before - 1; others > 2*slots {
			t.Errorf("%d others started between bob's submit and his start", others)
		}
	}
	slices.Sort(delays)
	t.Logf("a slot's time is %s; bob's task started after: median %s, worst %s", takes, delays[tries/2], delays[tries-1])
	if delays[tries/2] > 3*takes {
		t.Errorf("half of bob's tasks waited longer than %s", delays[tries/2])
	}
}
