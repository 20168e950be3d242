package postgres_test

import (
	"fmt"
	"testing"

	"freshet/jobs"
)

// TestWaitBeforeAnOrder says starting_worker wherever a worker will be ordered, and nowhere else.
func TestWaitBeforeAnOrder(t *testing.T) {
	t.Parallel()
	const ended = `INSERT INTO freshet.fleet_units (intent, pool, provider, generation, state, created_at, ordered_at, boot_until, ended_at, failed)
		SELECT gen_random_uuid(), 'default', 'process', '1', 'ended', now() - interval '%s', now(), now(), now(), %v FROM generate_series(1, 5)`
	for name, test := range map[string]struct {
		before func(*bench)
		want   jobs.WaitReason
	}{
		"a managed pool":         {func(b *bench) { b.managed(func(*jobs.PoolFleet) {}) }, jobs.WaitStarting},
		"a pool of nobody's":     {func(*bench) {}, jobs.WaitNoWorker},
		"one that may have none": {func(b *bench) { b.managed(func(f *jobs.PoolFleet) { f.Max = 0 }) }, jobs.WaitNoWorker},
		"one that is paused": {func(b *bench) {
			b.managed(func(*jobs.PoolFleet) {})
			_, err := b.PausePool(b.t.Context(), "default", true)
			b.ok(err)
		}, jobs.WaitPaused},
		"one that is gone": {func(b *bench) {
			b.managed(func(*jobs.PoolFleet) {})
			b.ok(b.SyncPools(b.t.Context(), nil))
		}, jobs.WaitNoWorker},
		"one with all its workers, who do not know the kind": {func(b *bench) {
			b.managed(func(f *jobs.PoolFleet) { f.Min, f.Max = 1, 1 })
			b.ok(b.UnitStarted(b.t.Context(), b.provision(bootTime).Orders[0].Intent, "machine"))
			b.ok(b.SetWorkerKinds(b.t.Context(), b.unitWorker("machine", "1"), []string{"other"}))
		}, jobs.WaitNoWorker},
		"one of which too many failed": {func(b *bench) {
			b.managed(func(*jobs.PoolFleet) {})
			b.exec(fmt.Sprintf(ended, "1 minute", true))
			b.provision(bootTime)
		}, jobs.WaitNoWorker},
		"one whose budget is used up": {func(b *bench) {
			b.managed(func(f *jobs.PoolFleet) { f.BudgetHours = new(0.0) })
			b.provision(bootTime)
		}, jobs.WaitNoWorker},
		"one of which too many failed, a while ago": {func(b *bench) {
			b.managed(func(*jobs.PoolFleet) {})
			b.exec(fmt.Sprintf(ended, "1 minute", true))
			b.provision(bootTime)
			b.exec(`UPDATE freshet.fleet_units SET ended_at = ended_at - interval '9 minutes'`)
			b.provision(bootTime)
		}, jobs.WaitStarting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			test.before(b)
			task := b.task(b.submit())
			if task.Wait.Reason != test.want {
				t.Errorf("it waits for %s, want %s", task.Wait.Reason, test.want)
			}
			if !task.Wait.Since.Equal(task.CreatedAt) {
				t.Errorf("since %s, want since %s", task.Wait.Since, task.CreatedAt)
			}
		})
	}
}
