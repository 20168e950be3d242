package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"freshet/config"
	"freshet/jobs/crew"
	"freshet/jobs/postgres"
	"freshet/jobs/process"
	"freshet/jobs/process/notify"
	"freshet/jobs/supervisor"
)

const (
	upFolder = ".freshet-up"
	// upSlack is what freshet up needs beyond the longest stop of what it runs.
	upSlack = 30 * time.Second
	// portWithin is how long an API that an earlier freshet up left may keep the port.
	portWithin = 30 * time.Second
)

// upOptions are the flags of freshet up.
type upOptions struct {
	config, data, addr, log string
	metrics                 string // address; empty: none
	api                     int
	workers                 map[string]int    // by pool
	memory                  map[string]string // by program
	drain, retire, maxAge   time.Duration
	surge                   int
	child                   childOptions
}

func (a *app) upCommand() *cobra.Command {
	options := &upOptions{}
	command := &cobra.Command{
		Use:   "up",
		Short: "Keep the API and the workers of this host alive",
		Long: "Keep the API and the workers of this host alive: those of all pools with provider process.\n\n" +
			"They need the environment of freshet api and freshet worker. What ends badly is started again; SIGHUP,\n" +
			"or freshet up reload, replaces all without a gap; SIGTERM lets them finish and stops.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), *options) },
	}
	command.PersistentFlags().StringVar(&options.data, "data", upFolder, "folder for the state and the logs")
	configFlag(command, &options.config)
	flags := command.Flags()
	flags.StringVar(&options.addr, "addr", "", "address of the API (default: FRESHET_ADDR, else port PORT or 8080 of all)")
	flags.IntVar(&options.api, "api", 1, "instances of the API")
	flags.StringToIntVar(&options.workers, "workers", nil, "workers of a pool, as in default=4 (default: the pool's min, at least one)")
	flags.StringToStringVar(&options.memory, "memory", nil, "resident memory from which a process is replaced, as in api=1GiB,worker-default=512MiB")
	childFlags(flags, &options.child)
	flags.DurationVar(&options.drain, "drain", 30*time.Second, "what running attempts may take to finish when all is to stop")
	flags.DurationVar(&options.retire, "reload-drain", 0, "what running attempts may take when their worker is replaced, before they get the drain time (default: as long as they take)")
	flags.DurationVar(&options.maxAge, "max-age", 0, "replace a process when it was ready for so long, or up to a fifth less (default: never)")
	flags.IntVar(&options.surge, "surge", 1, "processes of a program that are replaced at once")
	flags.StringVar(&options.metrics, "metrics", "", "address to show metrics of the processes at, for Prometheus, to whoever asks: such as 127.0.0.1:9465 (default: nowhere)")
	flags.StringVar(&options.log, "log", "", "- follows the logs of all instances on the terminal")
	command.AddCommand(a.upStatusCommand(options), a.upReloadCommand(options), a.upStopCommand(options),
		a.upRestartCommand(options), a.upScaleCommand(options), a.upResetCommand(options), a.upLogsCommand(options))
	return command
}

// up is a running freshet up.
type up struct {
	app     *app
	options upOptions
	folder  string
	crew    *crew.Crew
	socket  *os.File // of the API, for its instances; nil without them
	speaker *notify.Speaker
	leave   func() // ends it

	news     chan struct{} // has something when something happened
	expected int           // instances
	settled  chan struct{} // closed when each of them has started, or failed to
}

func (a *app) up(ctx context.Context, options upOptions) (err error) {
	if err := process.Conceal(); err != nil {
		return err
	}
	if options.log != "" && options.log != "-" {
		return usage(fmt.Errorf("--log %s: only - is known", options.log))
	}
	folder, err := filepath.Abs(options.data)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	u := &up{
		app: a, options: options, folder: folder, speaker: notify.NewSpeaker(a.Lookup), leave: leave,
		news: make(chan struct{}, 1), settled: make(chan struct{}),
	}
	programs, err := u.programs()
	if err != nil {
		return err
	}
	db, err := a.database()
	if err != nil {
		return err
	}
	store, err := a.open(ctx, db, "freshet up", 2)
	if err != nil {
		return err
	}
	defer store.Close()
	for _, p := range programs {
		u.expected += p.Instances
	}
	u.crew, err = crew.Open(crew.Config{Folder: folder, Logs: u.logs(), Surge: options.surge, Died: died(store), Report: u.report})
	if err != nil {
		return err
	}
	defer u.crew.Close()
	if err := os.WriteFile(filepath.Join(folder, ".gitignore"), []byte("*\n"), 0o600); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if options.api > 0 {
		closeSocket, err := u.openSocket(ctx)
		if err != nil {
			return err
		}
		defer closeSocket()
	}
	return u.run(ctx, programs, store)
}

// run runs the parts until ctx ends. Orders and signals are taken until all have stopped, and metrics are shown.
func (u *up) run(ctx context.Context, programs []crew.Program, store *postgres.Store) error {
	observing, err := u.metrics(ctx, store.Connections)
	if err != nil {
		return err
	}
	control, err := u.control(ctx)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	var longest time.Duration
	for _, p := range programs {
		longest = max(longest, p.StopWithin)
	}
	parts := []supervisor.Part{
		{Name: "signals", Run: func(ctx context.Context) error { return u.obey(ctx, signals) }},
		control,
		{Name: "crew", Run: func(ctx context.Context) error { return u.crew.Run(ctx, programs...) }},
		{Name: "state", Run: u.watch},
		{Name: "notifications", Run: u.notify},
	}
	if u.options.log == "-" {
		follower := &follower{folder: u.logs(), w: u.app.screen(u.app.Stdout, false)}
		follower.skip()
		parts = slices.Insert(parts, 2, supervisor.Part{Name: "logs", Run: follower.run})
	}
	parts = slices.Insert(parts, 2, observing...)
	return supervisor.Run(ctx, longest+upSlack, parts...)
}

// obey does what signals ask for. The first that ends the program ends its context as well.
func (u *up) obey(ctx context.Context, signals <-chan os.Signal) error {
	ends := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case asked := <-signals:
			if asked == syscall.SIGHUP {
				if err := u.reload(ctx); err != nil && ctx.Err() == nil {
					u.app.logger.Error("reload", "error", err)
				}
				continue
			}
			u.leave()
			switch ends++; {
			case ends == 2:
				u.app.logger.Warn("a second signal: what runs is interrupted")
				u.crew.Hurry()
			case ends > 2:
				u.app.logger.Warn("a third signal: all is killed")
				u.crew.Kill()
			}
		}
	}
}

// reload reads freshet.yaml and replaces all processes. What is wrong with the file changes nothing.
func (u *up) reload(ctx context.Context) error {
	_ = u.speaker.Tell(notify.Reloading())
	defer func() { _ = u.speaker.Tell(notify.Ready) }()
	programs, err := u.programs()
	if err != nil {
		return err
	}
	if err := u.crew.Reload(ctx, programs...); err != nil {
		return err
	}
	u.app.logger.Info("all was reloaded")
	return nil
}

func (u *up) logs() string { return filepath.Join(u.folder, "logs") }

// openSocket opens the socket that the API's instances share, so that it is there while they come and go.
// An earlier freshet up that was killed may have left instances that still have it, but not for long.
func (u *up) openSocket(ctx context.Context) (closeSocket func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, portWithin)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	address := u.app.apiAddress(u.options.addr)
	left := u.leftAPI()
	socket, err := u.app.door(ctx, address)
	for errors.Is(err, syscall.EADDRINUSE) && left {
		select {
		case <-ctx.Done():
			return nil, err
		case <-ticker.C:
		}
		left = u.leftAPI() // asked before the try: it may leave in between
		socket, err = u.app.door(ctx, address)
	}
	if err != nil {
		return nil, err
	}
	u.socket, err = socket.File()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("share the socket: %w", err), socket.Close())
	}
	u.app.logger.Info("the API's socket is open", "address", socket.Addr().String())
	return func() { _, _ = u.socket.Close(), socket.Close() }, nil
}

// leftAPI tells whether an API lives that an earlier freshet up left. It is asked before any of our own.
func (u *up) leftAPI() bool {
	return slices.ContainsFunc(u.crew.Status(), func(s crew.Status) bool { return s.Program == apiProgram })
}

// report logs what happens.
func (u *up) report(event crew.Event) {
	log := u.app.logger.Info
	if event.Trouble {
		log = u.app.logger.Warn
	}
	attributes := []any{"instance", event.Name(), "state", event.State}
	if event.PID > 0 {
		attributes = append(attributes, "pid", event.PID)
	}
	log(event.Name()+" "+event.Text, attributes...)
	select {
	case u.news <- struct{}{}:
	default:
	}
}

// watch tells systemd how many there are of what, and finds out when all have started.
func (u *up) watch(ctx context.Context) error {
	settled := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-u.news:
		}
		all := u.crew.Status()
		counts := map[crew.State]int{}
		for _, status := range all {
			counts[status.State]++
		}
		_ = u.speaker.Tell(notify.Status(countsText(counts)))
		if !settled && counts[crew.Starting] == 0 && len(all)-counts[crew.Draining] >= u.expected {
			settled = true
			close(u.settled)
		}
	}
}

// notify tells systemd that all have started, and then that this process is alive.
func (u *up) notify(ctx context.Context) error {
	select {
	case <-u.settled:
		u.app.logger.Info("freshet up is ready", "folder", u.folder)
		return u.speaker.Run(ctx)
	case <-ctx.Done():
		return nil
	}
}

func countsText(counts map[crew.State]int) string {
	var text []string
	for _, state := range crew.States() {
		if counts[state] > 0 {
			text = append(text, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	return cmp.Or(strings.Join(text, ", "), "nothing runs")
}

// settings reads freshet.yaml, and refuses early what workers would refuse.
func (u *up) settings() (*config.Config, error) {
	settings, err := u.app.settings(u.options.config)
	if err != nil {
		return nil, err
	}
	for _, pool := range settings.Pools {
		if pool.Provider != config.ProviderProcess {
			continue
		}
		if err := variablesSet(settings, pool.Name, u.app.Lookup); err != nil {
			return nil, &exitError{exitConfig, err}
		}
		if err := sandboxesPossible(settings, pool.Name, ""); err != nil {
			return nil, err
		}
		if _, err := childUser(u.options.child.over(pool)); err != nil {
			return nil, err
		}
	}
	return settings, nil
}
