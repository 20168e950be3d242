package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/process"
)

// runOptions are the flags of freshet run.
type runOptions struct {
	config, input, artifacts string
}

func (a *app) runCommand() *cobra.Command {
	var options runOptions
	command := &cobra.Command{
		Use:   "run KIND",
		Short: "Run one attempt of a kind here, without a server",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.runHere(cmd.Context(), args[0], options) },
	}
	configFlag(command, &options.config)
	command.Flags().StringVar(&options.input, "input", "{}", "the input: JSON, @FILE, or - for standard input")
	command.Flags().StringVar(&options.artifacts, "artifacts", "", "folder to keep the artifacts in (default: they are named and dropped)")
	return command
}

func (a *app) runHere(ctx context.Context, name string, options runOptions) error {
	scratch, err := os.MkdirTemp("", "freshet-run-")
	if err != nil {
		return fmt.Errorf("make a folder to run in: %w", err)
	}
	defer os.RemoveAll(scratch)
	folder, err := openDevFolder(scratch, false)
	if err != nil {
		return err
	}
	settings, err := a.devSettings(options.config, folder)
	if err != nil {
		return err
	}
	spec, found := settings.Kind(name)
	if !found {
		return usage(fmt.Errorf("%s has no kind %q", settings.Path, name))
	}
	compiled, err := kind.Compile(spec)
	if err != nil {
		return err
	}
	input, err := a.readInput(options.input)
	if err != nil {
		return err
	}
	if err := compiled.ValidateInput(input); err != nil {
		return usage(fmt.Errorf("input: %w", err))
	}
	return a.attemptHere(ctx, settings, compiled, input, folder, options.artifacts)
}

// attemptHere is what a worker does, with a printer in place of the database.
func (a *app) attemptHere(ctx context.Context, settings *config.Config, k *kind.Kind, input json.RawMessage,
	folder *devData, artifacts string,
) error {
	lookup, err := a.commandLookup(settings, true)
	if err != nil {
		return err
	}
	if err := kindVariablesSet(k.Kind, lookup); err != nil {
		return &exitError{exitConfig, fmt.Errorf("%s: kind %s: %w", settings.Path, k.Name, err)}
	}
	if _, err := a.webhookSecrets(k.Kind); err != nil {
		return err
	}
	if err := process.Conceal(); err != nil {
		return err
	}
	pool, _ := settings.Pool(k.Pool)
	a.tellOfRoot(pool)
	host, err := a.host(settings, atHome(pool).over(pool), "", withPath(lookup, folder.file("bin")))
	if err != nil {
		return err
	}
	host.Sink = &printer{stdout: a.Stdout, stderr: a.Stderr, folder: artifacts}
	if err := process.Adopt(); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("task id: %w", err)
	}
	claim := jobs.Claim{
		Fence: jobs.Fence{TaskID: id, Attempt: 1, WorkerID: uuid.New()},
		Owner: "local", Kind: k.Name, Input: input, MaxTries: 1,
	}
	ending, err := host.Run(ctx, claim, k)
	if err != nil {
		return err
	}
	if ending.Outcome == jobs.OutcomeCompleted {
		if ending.Output != nil {
			fmt.Fprintf(a.Stdout, "%s\n", ending.Output)
		}
		return nil
	}
	if ending.Failure == nil {
		return &exitError{exitFailed, errors.New(string(ending.Outcome))}
	}
	return &exitError{exitFailed, fmt.Errorf("%s: %s", ending.Failure.Code, ending.Failure.Message)}
}

// withPath puts a folder before the others in PATH.
func withPath(inner lookup, folder string) lookup {
	return func(name string) (string, bool) {
		value, found := inner(name)
		if name == "PATH" {
			return folder + string(os.PathListSeparator) + value, true
		}
		return value, found
	}
}

// printer shows what an attempt does as it does it.
type printer struct {
	stdout, stderr io.Writer
	folder         string // for artifacts; empty: they are named only
}

// Flush prints records.
func (p *printer) Flush(_ context.Context, flush jobs.Flush) (jobs.Flushed, error) {
	for _, record := range flush.Records {
		switch {
		case record.Stream == jobs.Stdout:
			_, _ = p.stdout.Write(record.Bytes)
		case record.Stream != 0:
			_, _ = p.stderr.Write(record.Bytes)
		default:
			fmt.Fprintf(p.stderr, "%s %s\n", record.Type, bytes.TrimSpace(record.Data))
		}
	}
	return jobs.Flushed{Stored: flush.To}, nil
}

// SaveArtifact copies the file to the folder, if there is one. os.Root keeps it inside.
func (p *printer) SaveArtifact(_ context.Context, _ jobs.Fence, name, contentType string, content io.Reader) error {
	fmt.Fprintf(p.stderr, "artifact %s (%s)\n", name, contentType)
	if p.folder == "" {
		return nil
	}
	if err := os.MkdirAll(p.folder, 0o750); err != nil {
		return fmt.Errorf("make folder for artifacts: %w", err)
	}
	root, err := os.OpenRoot(p.folder)
	if err != nil {
		return fmt.Errorf("open folder for artifacts: %w", err)
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return fmt.Errorf("make folder for artifact %s: %w", name, err)
	}
	file, err := root.Create(name)
	if err != nil {
		return fmt.Errorf("keep artifact %s: %w", name, err)
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}
