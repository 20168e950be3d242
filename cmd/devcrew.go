package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"freshet/config"
	"freshet/jobs/crew"
	"freshet/jobs/postgres"
)

// devCrew keeps a worker alive for each pool that this machine is to serve. With each new order new
// workers start, and those of the order before retire: they finish what they run.
type devCrew struct {
	app    *app
	store  *postgres.Store
	db     database
	folder *devData
	keys   serverKeys
	orders chan *config.Config
	hurry  <-chan struct{} // workers that are told to stop shall not wait for what they run
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
	first, err := c.programs(<-c.orders) // there is one from the start
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- workers.Run(ctx, first...) }()
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
		case settings := <-c.orders:
			if err := c.follow(ctx, workers, settings); err != nil && ctx.Err() == nil {
				c.app.tell("%v", err)
			}
		}
	}
}

func (c *devCrew) follow(ctx context.Context, workers *crew.Crew, settings *config.Config) error {
	programs, err := c.programs(settings)
	if err != nil {
		return err
	}
	return workers.Reload(ctx, programs...)
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

// programs are a worker for each pool.
func (c *devCrew) programs(settings *config.Config) ([]crew.Program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	var programs []crew.Program
	for _, pool := range settings.Pools {
		if pool.Provider != config.ProviderProcess {
			continue
		}
		arguments := append([]string{"--config", settings.Path, "--dotenv", "--drain", devDrain.String()}, atHome(pool).arguments()...)
		program := workerProgram(self, pool, 1, c.environ(), arguments...)
		program.StopWithin = devStop
		programs = append(programs, program)
	}
	return programs, nil
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
