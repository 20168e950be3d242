package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"freshet/config"
)

// watchEvery is how often a project's files are looked at. They count as changed when two looks in a row
// saw the same change: editors write in several steps.
const watchEvery = 150 * time.Millisecond

// devReload keeps what is served that of the project's files.
type devReload struct {
	project *devProject
	publish func(context.Context, *config.Config) error
	orders  chan<- devOrder // for the crew
	taking  sync.Mutex      // one change at a time: one may be asked for while another was seen
}

func (r *devReload) run(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		seen, changed := r.look()
		if !changed || seen != last {
			last = seen
			continue
		}
		if err := r.take(ctx); err != nil && ctx.Err() == nil {
			r.project.app.tell("%v\nfreshet: the settings before this change stay in force", err)
		}
	}
}

// look tells what the files are now, and whether that was read.
func (r *devReload) look() (seen string, changed bool) {
	r.taking.Lock()
	defer r.taking.Unlock()
	seen = version(r.project.sources)
	return seen, seen != r.project.version
}

// take loads the project and tells database, API and workers.
func (r *devReload) take(ctx context.Context) error {
	r.taking.Lock()
	defer r.taking.Unlock()
	server := r.project.settings.Server
	if err := r.project.load(); err != nil {
		return err
	}
	settings := r.project.settings
	if err := r.publish(ctx, settings); err != nil {
		return err
	}
	select {
	case r.orders <- devOrder{settings, r.project.generation()}:
	case <-ctx.Done():
		return nil
	}
	tell := r.project.app.tell
	tell("%s reloaded: %s, %s", filepath.Base(settings.Path), count(len(settings.Kinds), "kind"), count(len(settings.Pools), "pool"))
	if !reflect.DeepEqual(server, settings.Server) {
		tell("a change of server: is taken at the next start of freshet dev")
	}
	return nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
