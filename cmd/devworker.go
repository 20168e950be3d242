package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/process"
)

const (
	restartMin = 200 * time.Millisecond
	restartMax = 5 * time.Second
	// settled is how long a worker must live before its next death counts as the first again.
	settled = 10 * time.Second
	// reportTimeout bounds the note of a worker's death.
	reportTimeout = 5 * time.Second
)

// devWorker keeps one worker process of a pool alive until it is to retire.
type devWorker struct {
	pool   string
	spec   process.DaemonSpec
	log    *os.File
	retire <-chan struct{}
	tell   func(format string, args ...any)
	died   func(context.Context, uuid.UUID, jobs.Death) error
}

// run starts the worker again whenever it dies, after a pause that grows while it keeps dying.
func (w *devWorker) run(ctx context.Context) error {
	defer w.log.Close()
	pause := restartMin
	for {
		born, id := time.Now(), uuid.Must(uuid.NewV7())
		daemon, err := process.StartDaemon(w.named(id))
		if err != nil {
			return fmt.Errorf("start a worker: %w", err)
		}
		select {
		case <-ctx.Done():
			return w.stop(ctx, daemon)
		case <-w.retire:
			return w.leave(ctx, daemon)
		case <-daemon.Done():
		}
		err = daemon.Wait()
		w.report(ctx, id, err)
		var exit *process.ExitError
		if errors.As(err, &exit) && exit.Code == exitConfig {
			return fmt.Errorf("the worker of pool %s refuses to start: %w; see %s", w.pool, err, w.log.Name())
		}
		if time.Since(born) > settled {
			pause = restartMin
		}
		w.tell("the worker of pool %s ended (%v) and is started again in %s; see %s", w.pool, err, pause, w.log.Name())
		select {
		case <-ctx.Done():
			return nil
		case <-w.retire:
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, restartMax)
	}
}

// named gives the worker its id.
func (w *devWorker) named(id uuid.UUID) process.DaemonSpec {
	spec := w.spec
	spec.Env = append(slices.Clip(spec.Env), workerVariable+"="+id.String())
	return spec
}

// report tells how the worker died, so that what it ran is taken over at once. If that cannot be told,
// its lost session does, a few seconds later.
func (w *devWorker) report(ctx context.Context, id uuid.UUID, err error) {
	if err := process.Bury(); err != nil {
		w.tell("after the death of a worker: %v", err)
	}
	var death jobs.Death
	var exit *process.ExitError
	if errors.As(err, &exit) {
		death = jobs.Death{Signal: exit.Signal}
		if exit.Signal == "" {
			death.ExitCode = &exit.Code
		}
	}
	limited, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	if err := w.died(limited, id, death); err != nil && ctx.Err() == nil {
		w.tell("%v", err)
	}
}

// leave has the worker claim no more, and waits until what it runs has ended.
func (w *devWorker) leave(ctx context.Context, daemon *process.Daemon) error {
	_ = daemon.Signal(retireSignal) // fails only if it has ended
	select {
	case <-ctx.Done():
		return w.stop(ctx, daemon)
	case <-daemon.Done():
		return nil
	}
}

func (w *devWorker) stop(ctx context.Context, daemon *process.Daemon) error {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), devStop)
	defer cancel()
	if err := daemon.Stop(stopping); err != nil {
		return fmt.Errorf("stop the worker of pool %s: %w", w.pool, err)
	}
	return nil
}
