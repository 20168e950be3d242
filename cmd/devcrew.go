package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/crew"
	"freshet/jobs/fleet"
	"freshet/jobs/fleet/process"
	"freshet/jobs/postgres"
)

// devCrew is the workers of this machine, which the control plane starts when there is work. With each new
// order their generation is over: those of before finish what they run.
type devCrew struct {
	app        *app
	store      *postgres.Store
	db         database
	folder     *devData
	keys       serverKeys
	reconciler *control.Reconciler
	orders     chan devOrder
	hurry      <-chan struct{} // workers that are told to stop shall not wait for what they run
}

// devOrder is what workers are to be from now on.
type devOrder struct {
	settings   *config.Config
	generation string
}

// run follows orders until ctx ends or a worker refuses to start, and then stops all workers.
func (c *devCrew) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	workers, err := crew.Open(crew.Config{
		Folder: c.folder.file("crew"), Logs: c.folder.file("logs"), Died: died(c.store),
		Report: func(event crew.Event) { c.report(event, stop) },
	})
	if err != nil {
		return err
	}
	defer workers.Close()
	defer c.reconciler.Provide(nil)
	ended := make(chan error, 1)
	go func() { ended <- workers.Run(ctx) }()
	for hurried := c.hurry; ; {
		select {
		case <-hurried:
			hurried = nil
			workers.Hurry()
		case err := <-ended:
			if refusal, refused := errors.AsType[*refusalError](context.Cause(ctx)); refused {
				err = errors.Join(err, refusal)
			}
			return err
		case order := <-c.orders:
			if err := c.follow(ctx, workers, order); err != nil && ctx.Err() == nil {
				c.app.tell("%v", err)
			}
		}
	}
}

// follow makes this machine the provider of all pools that it is to serve.
func (c *devCrew) follow(ctx context.Context, workers *crew.Crew, order devOrder) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	providers := map[string]fleet.Provider{}
	for _, pool := range order.settings.Pools {
		if pool.Provider == config.ProviderNone {
			continue
		}
		providers[pool.Name] = process.New(workers, c.program(self, pool, order), func(intent uuid.UUID, end error) {
			noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), devDrain)
			defer cancel()
			c.reconciler.Exited(noting, pool.Name, intent, end)
		})
	}
	c.reconciler.Provide(providers)
	return nil
}

// program is a worker of a pool that leaves when it is idle.
func (c *devCrew) program(self string, pool config.Pool, order devOrder) crew.Program {
	arguments := append([]string{
		"--config", order.settings.Path, "--dotenv", "--idle-exit", "--drain", devDrain.String(),
	}, atHome(pool).arguments()...)
	program := workerProgram(self, pool, 1, c.environ(order.generation), arguments...)
	program.StopWithin = devStop
	return program
}

// refusalError says that a worker refuses to start.
type refusalError struct{ pool, reason, log string }

func (e *refusalError) Error() string {
	return fmt.Sprintf("the worker of pool %s refuses to start: %s; see %s", e.pool, e.reason, e.log)
}

// report tells of what someone should look at, and gives up when starting again would not help.
func (c *devCrew) report(event crew.Event, stop context.CancelCauseFunc) {
	log := filepath.Join(c.folder.file("logs"), event.Name()+".log")
	switch {
	case event.State == crew.Errored && event.Retry == nil:
		stop(&refusalError{poolOf(event.Program), event.Error, log})
	case event.Trouble:
		c.app.tell("the worker of pool %s %s; see %s", poolOf(event.Program), event.Text, log)
	}
}

// environ leaves the user's DATABASE_URL alone, since commands may be allowed to inherit it.
func (c *devCrew) environ(generation string) []string {
	return replaced(environ(), map[string]string{
		"FRESHET_DATABASE_URL":        c.db.url,
		"FRESHET_DATABASE_DIRECT_URL": c.db.direct,
		"FRESHET_WEBHOOK_SECRET":      c.keys.webhook,
		generationVariable:            generation,
		"PATH":                        c.folder.file("bin") + string(os.PathListSeparator) + c.app.env("PATH"),
	})
}

// generation names what the project's files are, as they were read last.
func (p *devProject) generation() string {
	sum := sha256.Sum256([]byte(p.version))
	return hex.EncodeToString(sum[:6])
}

// fleets are how freshet dev starts the workers of all pools but those that somebody else does.
func (p *devProject) fleets(settings *config.Config) map[string]*jobs.PoolFleet {
	fleets := map[string]*jobs.PoolFleet{}
	for _, pool := range settings.Pools {
		if pool.Provider != config.ProviderNone {
			fleets[pool.Name] = poolFleet(pool, p.generation())
		}
	}
	return fleets
}
