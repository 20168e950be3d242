package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"freshet/config"
	"freshet/jobs/kind"
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
	program                   []string // what runs beside Freshet, and its arguments; empty: nothing
}

func (a *app) devCommand() *cobra.Command {
	var options devOptions
	command := &cobra.Command{
		Use:   "dev [-- COMMAND...]",
		Short: "Run everything on this machine: database, API and workers",
		Long: "Run everything on this machine: database, API and workers.\n\n" +
			"A command behind -- is run beside them once they are ready, as in: freshet dev -- npm run dev\n" +
			"It gets FRESHET_URL, FRESHET_API_KEY and FRESHET_WEBHOOK_SECRET. When it ends, all ends, with\n" +
			"its exit code. Changes of freshet.yaml, of the schemas that it names and of .env are taken at once.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return errors.New("put -- before the command, as in: freshet dev -- npm run dev")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options.program = args
			return a.dev(cmd.Context(), options)
		},
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
	if err := process.Conceal(); err != nil {
		return err
	}
	folder, err := openDevFolder(options.data, options.reset)
	if err != nil {
		return err
	}
	project, err := a.openProject(options.config, folder)
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
	err = a.devServe(ctx, db, project, folder, socket, options.program)
	return errors.Join(err, stopDatabase())
}

func (a *app) devServe(ctx context.Context, db database, project *devProject, folder *devData, socket net.Listener, program []string) error {
	session, err := db.session()
	if err != nil {
		return err
	}
	if err := migrations.Up(ctx, session); err != nil {
		return err
	}
	keys, err := a.devKeys(folder)
	if err != nil {
		return err
	}
	store, err := a.open(ctx, db, "freshet dev", 12)
	if err != nil {
		return err
	}
	defer store.Close()
	address := "http://" + socket.Addr().String()
	settings := devServer(project.settings, address)
	replica, err := a.replica(ctx, serving{
		store: store, db: db, settings: settings, socket: socket, keys: keys, dev: true, fleets: project.fleets,
	})
	if err != nil {
		return err
	}
	hurried, signals := hurry()
	crew := &devCrew{
		app: a, store: store, db: db, folder: folder, keys: keys, reconciler: replica.control.reconciler,
		orders: make(chan devOrder, 1), hurry: hurried,
	}
	crew.orders <- devOrder{settings, project.generation()}
	publish := func(ctx context.Context, settings *config.Config) error { return replica.publish(ctx, store, settings) }
	watch := &devReload{project: project, publish: publish, orders: crew.orders}
	replica.reloader.take = watch.take
	parts := append(append([]supervisor.Part{signals}, replica.parts...),
		supervisor.Part{Name: "workers", Run: crew.run},
		supervisor.Part{Name: "watch", Run: watch.run})
	if len(program) > 0 {
		parts = append(parts, a.devProgram(program, address, keys))
	}
	login, err := loginLink(ctx, store, address)
	if err != nil {
		return err
	}
	if err := folder.announce(address); err != nil {
		return err
	}
	defer folder.retract()
	a.tellOfRoot(settings.Pools...)
	a.welcome(address, login, settings, folder, program)
	return supervisor.Run(ctx, devStop, parts...)
}

// devServer is the settings for a server that runs on the developer's machine: pages of any app that
// runs there, too, may call it.
func devServer(settings *config.Config, address string) *config.Config {
	local := *settings
	if local.Server.PublicURL == "" {
		local.Server.PublicURL = address
	}
	local.Server.CORSOrigins = append([]string{"http://localhost:*", "http://127.0.0.1:*"}, settings.Server.CORSOrigins...)
	return &local
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
		Progress: func(text string) { a.tell("%s", text) },
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

func (a *app) welcome(address, login string, settings *config.Config, folder *devData, program []string) {
	fmt.Fprintf(a.Stdout, "Freshet is ready at %s\n\n", address)
	fmt.Fprintf(a.Stdout, "  sign in  %s (once)\n", login)
	fmt.Fprintf(a.Stdout, "  kinds    %s\n", strings.Join(kindNames(settings), ", "))
	fmt.Fprintf(a.Stdout, "  config   %s\n", settings.Path)
	fmt.Fprintf(a.Stdout, "  API key  %s\n", folder.file("api-key"))
	fmt.Fprintf(a.Stdout, "  logs     %s\n", folder.file("logs"))
	if len(program) > 0 {
		fmt.Fprintf(a.Stdout, "  runs     %s\n", strings.Join(program, " "))
	}
	submit := fmt.Sprintf("%s submit %s --follow", a.Name, firstSubmit(settings))
	if usual, err := filepath.Abs(devFolder); err == nil && usual == folder.path {
		fmt.Fprintf(a.Stdout, "\nIn another terminal, in this folder: %s\n", submit)
	} else { // where clients do not look
		fmt.Fprintf(a.Stdout, "\nIn another terminal:\n  export FRESHET_URL=%s FRESHET_API_KEY=\"$(cat %s)\"\n  %s\n",
			address, quoted(folder.file("api-key")), submit)
	}
	fmt.Fprintln(a.Stdout, "Ctrl-C stops everything; what waits goes on at the next start.")
}

// quoted is a word of a shell's command line.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// tell says one line to whoever watches the terminal.
func (a *app) tell(format string, args ...any) {
	fmt.Fprintf(a.Stderr, "freshet: "+format+"\n", args...)
}

// firstSubmit is a submit to begin with: of a kind that needs no input, if there is one.
func firstSubmit(settings *config.Config) string {
	for _, k := range settings.Kinds {
		if compiled, err := kind.Compile(k); err == nil && compiled.ValidateInput(json.RawMessage(`{}`)) == nil {
			return k.Name
		}
	}
	if len(settings.Kinds) == 0 {
		return "KIND"
	}
	return settings.Kinds[0].Name + " --input '{…}'"
}
