package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/crew"
	"freshet/jobs/postgres"
	"freshet/jobs/process"
	"freshet/jobs/process/notify"
	"freshet/jobs/supervisor"
)

// workerPrefix goes before the name of a pool in the name of the program that works for it.
const workerPrefix = "worker-"

// workerProgram is the workers of a pool, started with these arguments in this environment.
func workerProgram(self string, pool config.Pool, instances int, env []string, args ...string) crew.Program {
	args = slices.Concat([]string{self, "worker", "--pool", pool.Name}, args)
	return crew.Program{
		Name: workerPrefix + pool.Name, Instances: instances, Retire: retireSignal,
		Command: func(id uuid.UUID, _ int) process.DaemonSpec {
			return process.DaemonSpec{Args: args, Env: append(slices.Clip(env), workerVariable+"="+id.String(), unitVariable+"="+id.String())}
		},
	}
}

// died tells the database how a worker ended, so that what it ran is taken over at once. If that cannot
// be told, its lost session does, a few seconds later.
func died(store *postgres.Store) func(context.Context, uuid.UUID, error) error {
	return func(ctx context.Context, id uuid.UUID, end error) error {
		var death jobs.Death
		var exit *process.ExitError
		switch {
		case !errors.As(end, &exit):
		case exit.Signal != "":
			death.Signal = exit.Signal
		default:
			death.ExitCode = &exit.Code
		}
		return store.WorkerDied(ctx, id, death)
	}
}

// notifications tell systemd, or freshet up, that this process is ready, alive, and stopping.
func (a *app) notifications(ready <-chan struct{}) supervisor.Part {
	return supervisor.Part{Name: "notifications", Run: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-ready:
			return notify.NewSpeaker(a.Lookup).Run(ctx)
		}
	}}
}

// poolOf is the pool that a program works for; empty if it is no worker.
func poolOf(program string) string {
	pool, found := strings.CutPrefix(program, workerPrefix)
	if !found {
		return ""
	}
	return pool
}
