package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"freshet/config"
	"freshet/jobs/postgres"
	"freshet/jobs/process"
)

// devCrew keeps a worker alive for each pool that this machine is to serve. With each new order new
// workers start, and those of the order before retire: they finish what they run.
type devCrew struct {
	app    *app
	store  *postgres.Store
	db     database
	folder *devData
	keys   devKeys
	orders chan *config.Config
}

// run follows orders until ctx ends or a worker cannot be kept alive, and then stops all workers.
func (c *devCrew) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failures []error
	ends, running := make(chan error), 0
	retire := make(chan struct{})
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case err := <-ends:
			running--
			if err != nil {
				failures = append(failures, err)
				stop()
			}
		case settings := <-c.orders:
			close(retire)
			retire = make(chan struct{})
			workers, err := c.workers(settings, retire)
			if err != nil {
				failures = append(failures, err)
				stop()
			}
			for _, w := range workers {
				running++
				go func() { ends <- w.run(ctx) }()
			}
		}
	}
	for ; running > 0; running-- {
		failures = append(failures, <-ends)
	}
	return errors.Join(failures...)
}

// workers is one for each pool, not yet started.
func (c *devCrew) workers(settings *config.Config, retire <-chan struct{}) ([]*devWorker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	var workers []*devWorker
	for _, pool := range settings.Pools {
		if pool.Provider != config.ProviderProcess {
			continue
		}
		log, err := c.folder.logFile("worker-" + pool.Name)
		if err != nil {
			return workers, err
		}
		workers = append(workers, &devWorker{
			pool: pool.Name, log: log, retire: retire, tell: c.app.tell, died: c.store.WorkerDied,
			spec: process.DaemonSpec{
				Args: []string{
					self, "worker", "--pool", pool.Name, "--config", settings.Path, "--dotenv",
					"--drain", devDrain.String(),
				},
				Env: c.environ(), Stdout: log, Stderr: log, StopSignal: syscall.SIGTERM,
			},
		})
	}
	return workers, nil
}

// environ leaves the user's DATABASE_URL alone, since commands may be allowed to inherit it.
func (c *devCrew) environ() []string {
	return replaced(environ(), map[string]string{
		"FRESHET_DATABASE_URL":        c.db.url,
		"FRESHET_DATABASE_DIRECT_URL": c.db.direct,
		"FRESHET_WEBHOOK_SECRET":      c.keys.webhook,
		"PATH":                        c.folder.file("bin") + string(os.PathListSeparator) + c.app.env("PATH"),
	})
}
