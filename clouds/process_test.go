package clouds_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/crew"
	"freshet/jobs/fleet"
	"freshet/jobs/fleet/process"
	daemon "freshet/jobs/process"
)

// onProcesses makes a crew of this host the provider of a pool, for all replicas the same one.
func (s *site) onProcesses(pool string) {
	s.t.Helper()
	folder := s.t.TempDir()
	workers, err := crew.Open(crew.Config{
		Folder: filepath.Join(folder, "crew"), Logs: filepath.Join(folder, "logs"), Report: func(crew.Event) {},
		Died: func(ctx context.Context, id uuid.UUID, _ error) error {
			return s.store.WorkerDied(ctx, id, jobs.Death{})
		},
	})
	s.ok(err)
	s.t.Cleanup(func() {
		s.halt()
		workers.Close()
	})
	s.parts.Go(func() { _ = workers.Run(s.ctx) })
	program := crew.Program{Name: "worker-" + pool, Command: func(id uuid.UUID, _ int) daemon.DaemonSpec {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.begin(pool, id.String(), id.String())
		return daemon.DaemonSpec{
			Args: []string{os.Args[0], "worker", "--pool", pool, "--idle-exit"}, Dir: s.folder,
			Env: append(slices.Clip(s.env), "FRESHET_WORKER_ID="+id.String(), "FRESHET_UNIT="+id.String()),
		}
	}}
	provider := process.New(workers, program, func(intent uuid.UUID, end error) {
		s.ended(pool, intent.String())
		s.replicas[0].reconciler.Exited(context.WithoutCancel(s.ctx), pool, intent, end)
	})
	s.providers[pool] = func() fleet.Provider { return provider }
}
