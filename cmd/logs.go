package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
	"freshet/jobs"
)

// logsOptions are the flags of freshet logs.
type logsOptions struct {
	client.LogQuery

	follow, json, raw bool
}

func (a *app) logsCommand() *cobra.Command {
	var options logsOptions
	command := &cobra.Command{
		Use:   "logs ID",
		Short: "Print what a task printed, stdout to stdout and stderr to stderr",
		Args:  taskIDs(cobra.ExactArgs(1)),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.logs(cmd.Context(), args[0], options) },
	}
	flags := command.Flags()
	flags.BoolVarP(&options.follow, "follow", "f", false, "go on until the task has ended")
	flags.IntVar(&options.Tail, "tail", 0, "only the last so many lines")
	flags.IntVar(&options.Attempt, "attempt", 0, "only of one attempt")
	jsonFlag(command, &options.json)
	rawFlag(command, &options.raw)
	return command
}

func (a *app) logs(ctx context.Context, id string, options logsOptions) error {
	if options.Tail < 0 || options.Attempt < 0 {
		return usage(errors.New("--tail and --attempt must not be negative"))
	}
	return a.withServer(func(server *client.Client) error {
		switch {
		case options.follow:
			return a.followLogs(ctx, server, id, options)
		case options.json:
			return a.logsJSON(ctx, server, id, options.LogQuery)
		}
		show := a.printOutput(options.raw)
		return eachChunk(ctx, server, id, options.LogQuery, func(chunk client.Answer[client.LogChunk]) error {
			return show(chunk.Value.Output)
		})
	})
}

// followLogs prints output as it comes: as text, or as the events that it is sent in.
func (a *app) followLogs(ctx context.Context, server *client.Client, id string, options logsOptions) error {
	show := a.printOutput(options.raw)
	entry := func(entry client.Answer[client.Event]) error {
		var output client.Output
		if err := json.Unmarshal(entry.Value.Data, &output); err != nil {
			return fmt.Errorf("read output: %w", err)
		}
		return show(output)
	}
	if options.json {
		entry = func(entry client.Answer[client.Event]) error { return a.printJSON(entry) }
	}
	watch := client.Watch{Logs: true, Attempt: options.Attempt, Entry: entry, Trouble: a.newDisplay(false).trouble}
	after, err := lastLines(ctx, server, id, options.LogQuery, entry)
	if err == nil {
		watch.After = after
		_, err = server.Follow(ctx, id, watch)
	}
	if err != nil {
		return a.leave(ctx, id, fmt.Errorf("logs of task %s: %w", id, err))
	}
	return nil
}

// lastLines shows the last lines of what there is, if they were asked for, and returns where they end.
// Streams count neither lines within a chunk nor those of one attempt.
func lastLines(ctx context.Context, server *client.Client, id string, query client.LogQuery,
	show func(client.Answer[client.Event]) error,
) (int64, error) {
	if query.Tail == 0 {
		return 0, nil
	}
	chunks, err := server.Logs(ctx, id, query)
	if err != nil {
		return 0, err
	}
	after := int64(0)
	for _, chunk := range chunks {
		event, err := chunk.Value.Event(id)
		if err == nil {
			err = show(client.Answer[client.Event]{Value: event})
		}
		if err != nil {
			return 0, err
		}
		after = chunk.Value.Seq
	}
	return after, nil
}

// printOutput writes each stream to its own.
func (a *app) printOutput(raw bool) func(client.Output) error {
	stdout, stderr := a.screen(a.Stdout, raw), a.screen(a.Stderr, raw)
	return func(output client.Output) error {
		w := stderr
		if output.Stream == jobs.Stdout.String() {
			w = stdout
		}
		_, err := io.WriteString(w, output.Text)
		return err
	}
}

// logsJSON prints all pages as the one list that they are, without keeping them.
func (a *app) logsJSON(ctx context.Context, server *client.Client, id string, query client.LogQuery) error {
	separator := `{"items":[`
	err := eachChunk(ctx, server, id, query, func(chunk client.Answer[client.LogChunk]) error {
		_, err := fmt.Fprintf(a.Stdout, "%s%s", separator, chunk.Raw)
		separator = ","
		return err
	})
	if err != nil {
		return err
	}
	if separator == "," {
		separator = ""
	}
	_, err = fmt.Fprintln(a.Stdout, separator+"]}")
	return err
}

// eachChunk reads pages until there is no more.
func eachChunk(ctx context.Context, server *client.Client, id string, query client.LogQuery,
	show func(client.Answer[client.LogChunk]) error,
) error {
	for {
		page, err := server.Logs(ctx, id, query)
		if err != nil {
			return fmt.Errorf("logs of task %s: %w", id, err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, chunk := range page {
			if err := show(chunk); err != nil {
				return err
			}
		}
		query.After, query.Tail = page[len(page)-1].Value.Seq, 0
	}
}
