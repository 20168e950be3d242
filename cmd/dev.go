package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"freshet/config"
	"freshet/jobs/postgres/embedded"
	"freshet/jobs/process"
	"freshet/jobs/supervisor"
	"freshet/migrations"
)

const (
	devAddress = "127.0.0.1:8080"
	devFolder  = ".freshet"
	// devDrain is short: who presses Ctrl-C wants to go.
	devDrain = 2 * time.Second
	// devStop bounds the stop of everything, commands that ignore SIGTERM included.
	devStop = time.Minute
	// databaseStart is generous: the first start may have to fetch PostgreSQL.
	databaseStart = 5 * time.Minute
)

// devOptions are the flags of freshet dev.
type devOptions struct {
	addr, data, config, pgBin string
	reset                     bool
}

func (a *app) devCommand() *cobra.Command {
	var options devOptions
	command := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine: database, API and workers",
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.dev(cmd.Context(), options) },
	}
	configFlag(command, &options.config)
	flags := command.Flags()
	flags.StringVar(&options.addr, "addr", devAddress, "address to listen on")
	flags.StringVar(&options.data, "data", devFolder, "folder for the database, the keys and the logs")
	flags.StringVar(&options.pgBin, "pg-bin", "", "folder with PostgreSQL's initdb and postgres (default: looked for)")
	flags.BoolVar(&options.reset, "reset", false, "forget everything that the data folder holds first")
	return command
}

// dev starts the parts in the order in which they need each other, and stops them in reverse.
func (a *app) dev(ctx context.Context, options devOptions) error {
	folder, err := openDevFolder(options.data, options.reset)
	if err != nil {
		return err
	}
	settings, err := a.devSettings(options.config, folder)
	if err != nil {
		return err
	}
	socket, err := listen(ctx, options.addr)
	if err != nil {
		return err
	}
	defer socket.Close() // the server closes it first, when it comes to run
	logs, err := folder.logFile("freshet")
	if err != nil {
		return err
	}
	defer logs.Close()
	a.logger = slog.New(slog.NewJSONHandler(logs, nil))
	if err := process.Adopt(); err != nil {
		return err
	}
	db, stopDatabase, err := a.devDatabase(ctx, options, folder)
	if err != nil {
		return err
	}
	err = a.devServe(ctx, db, settings, folder, socket)
	return errors.Join(err, stopDatabase())
}

func (a *app) devServe(ctx context.Context, db database, settings *config.Config, folder *devData, socket net.Listener) error {
	if err := migrations.Up(ctx, db.direct); err != nil {
		return err
	}
	keys, err := folder.keys()
	if err != nil {
		return err
	}
	address := "http://" + socket.Addr().String()
	if settings.Server.PublicURL == "" {
		settings.Server.PublicURL = address
	}
	store, err := a.open(ctx, db, "freshet dev", 12)
	if err != nil {
		return err
	}
	defer store.Close()
	parts, err := a.apiParts(ctx, serving{store: store, db: db, settings: settings, socket: socket, keys: keys})
	if err != nil {
		return err
	}
	workers, err := a.devWorkers(settings, db, folder)
	if err != nil {
		return err
	}
	if err := folder.announce(address); err != nil {
		return err
	}
	defer folder.retract()
	a.welcome(address, settings, folder)
	return supervisor.Run(ctx, devStop, append(parts, workers...)...)
}

// devSettings are those of the project's freshet.yaml, or of the built-in examples where there is none.
func (a *app) devSettings(path string, folder *devData) (*config.Config, error) {
	if path == "" && a.env("FRESHET_CONFIG") == "" {
		if _, err := os.Stat(configFile); errors.Is(err, fs.ErrNotExist) {
			if path, err = folder.unpackExamples(); err != nil {
				return nil, err
			}
		}
	}
	return a.settings(path)
}

// devDatabase is the one that DATABASE_URL names, or a server of our own.
func (a *app) devDatabase(ctx context.Context, options devOptions, folder *devData) (database, func() error, error) {
	if db, err := a.database(); err == nil {
		return db, func() error { return nil }, nil
	}
	log, err := folder.logFile("postgres")
	if err != nil {
		return database{}, nil, err
	}
	starting, cancel := context.WithTimeout(ctx, databaseStart)
	defer cancel()
	server, err := embedded.Start(starting, embedded.Options{
		DataDir: filepath.Join(folder.path, "postgres"), BinDir: options.pgBin, Environ: environ(), Log: log,
		Progress: func(text string) { fmt.Fprintf(a.Stderr, "freshet: %s\n", text) },
	})
	if err != nil {
		return database{}, nil, errors.Join(err, log.Close())
	}
	stop := func() error {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), devStop)
		defer cancel()
		return errors.Join(server.Stop(stopping), log.Close())
	}
	return database{url: server.URL(), direct: server.URL()}, stop, nil
}

func (a *app) welcome(address string, settings *config.Config, folder *devData) {
	fmt.Fprintf(a.Stdout, "Freshet is ready at %s\n\n", address)
	fmt.Fprintf(a.Stdout, "  kinds    %s\n", strings.Join(kindNames(settings), ", "))
	fmt.Fprintf(a.Stdout, "  config   %s\n", settings.Path)
	fmt.Fprintf(a.Stdout, "  API key  %s\n", folder.file("api-key"))
	fmt.Fprintf(a.Stdout, "  logs     %s\n\n", folder.file("logs"))
	fmt.Fprintf(a.Stdout, "In another terminal, in this folder: %s submit %s --follow\n", a.Name, firstName(kindNames(settings)))
	fmt.Fprintln(a.Stdout, "Ctrl-C stops everything; what waits goes on at the next start.")
}

func firstName(names []string) string {
	if len(names) == 0 {
		return "KIND"
	}
	return names[0]
}
