package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"freshet/config"
	"freshet/jobs/process"
	"freshet/jobs/supervisor"
)

const (
	restartMin = 200 * time.Millisecond
	restartMax = 5 * time.Second
	// settled is how long a worker must live before its next death counts as the first again.
	settled = 10 * time.Second
)

// devWorker keeps one worker process of a pool alive.
type devWorker struct {
	pool   string
	spec   process.DaemonSpec
	report func(format string, args ...any)
}

// devWorkers is one worker process for each pool that this machine is to serve.
func (a *app) devWorkers(settings *config.Config, db database, folder *devData) ([]supervisor.Part, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	var parts []supervisor.Part
	for _, pool := range settings.Pools {
		if pool.Provider != config.ProviderProcess {
			continue
		}
		log, err := folder.logFile("worker-" + pool.Name)
		if err != nil {
			return nil, err
		}
		w := &devWorker{
			pool: pool.Name,
			spec: process.DaemonSpec{
				Args: []string{
					self, "worker", "--pool", pool.Name, "--config", settings.Path, "--dotenv",
					"--drain", devDrain.String(),
				},
				Env: devWorkerEnviron(db, folder), Stdout: log, Stderr: log, StopSignal: syscall.SIGTERM,
			},
			report: func(format string, args ...any) {
				fmt.Fprintf(a.Stderr, "freshet: "+format+"; see "+log.Name()+"\n", args...)
			},
		}
		parts = append(parts, supervisor.Part{Name: "worker of pool " + pool.Name, Run: func(ctx context.Context) error {
			return errors.Join(w.run(ctx), log.Close())
		}})
	}
	return parts, nil
}

// devWorkerEnviron leaves the user's DATABASE_URL alone, since commands may be allowed to inherit it.
func devWorkerEnviron(db database, folder *devData) []string {
	var list []string
	for _, variable := range environ() {
		name, value, _ := strings.Cut(variable, "=")
		switch name {
		case "FRESHET_DATABASE_URL", "FRESHET_DATABASE_DIRECT_URL":
		case "PATH":
			list = append(list, "PATH="+folder.file("bin")+string(os.PathListSeparator)+value)
		default:
			list = append(list, variable)
		}
	}
	return append(list, "FRESHET_DATABASE_URL="+db.url, "FRESHET_DATABASE_DIRECT_URL="+db.direct)
}

// run starts the worker again whenever it dies, after a pause that grows while it keeps dying.
func (w *devWorker) run(ctx context.Context) error {
	pause := restartMin
	for {
		born := time.Now()
		daemon, err := process.StartDaemon(w.spec)
		if err != nil {
			return fmt.Errorf("start a worker: %w", err)
		}
		select {
		case <-ctx.Done():
			return w.stop(ctx, daemon)
		case <-daemon.Done():
		}
		err = daemon.Wait()
		var exit *process.ExitError
		if errors.As(err, &exit) && exit.Code == exitConfig {
			return fmt.Errorf("the worker refuses to start: see its log, %w", err)
		}
		if time.Since(born) > settled {
			pause = restartMin
		}
		w.report("the worker of pool %s ended (%v) and is started again in %s", w.pool, err, pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, restartMax)
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
