package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	// followEvery is how often log files are looked at for more.
	followEvery = 200 * time.Millisecond
	// shownBytes is how much of the end of each log is shown first.
	shownBytes = 16 << 10
)

func (a *app) upLogsCommand(options *upOptions) *cobra.Command {
	var follow bool
	command := &cobra.Command{
		Use:   "logs [NAME]",
		Short: "Print the end of the logs of all instances, or of a program or an instance",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := &follower{folder: filepath.Join(options.data, "logs"), w: a.screen(a.Stdout, false)}
			if len(args) > 0 {
				f.name = args[0]
			}
			if len(f.files()) == 0 {
				return fmt.Errorf("there are no such logs in %s (see --data)", f.folder)
			}
			f.nearEnd()
			if !follow {
				return f.read()
			}
			return f.run(cmd.Context())
		},
	}
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on")
	return command
}

// follower prints what is added to log files, line by line, each with the name of its instance.
type follower struct {
	folder string
	name   string // of a program or an instance; empty: all
	w      io.Writer
	at     map[string]*position // by path
}

// position is how far a file was read.
type position struct {
	offset  int64
	partial []byte // of a line that has not ended
}

// run prints what is there and what comes, until ctx ends.
func (f *follower) run(ctx context.Context) error {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		if err := f.read(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return f.read()
		case <-ticker.C:
		}
	}
}

// files are the logs that are wanted.
func (f *follower) files() []string {
	all, err := filepath.Glob(filepath.Join(f.folder, "*.log"))
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(path string) bool {
		instance := instanceOf(path)
		return f.name != "" && instance != f.name && strings.TrimRight(instance, "0123456789") != f.name+"-"
	})
}

func instanceOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".log") }

// skip leaves out all that is there.
func (f *follower) skip() { f.start(0) }

// nearEnd leaves out all but the last lines.
func (f *follower) nearEnd() { f.start(shownBytes) }

func (f *follower) start(shown int64) {
	f.at = map[string]*position{}
	for _, path := range f.files() {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		at := &position{offset: max(info.Size()-shown, 0)}
		if at.offset > 0 && shown > 0 {
			at.offset = nextLine(path, at.offset)
		}
		f.at[path] = at
	}
}

// nextLine is where the first whole line after an offset begins.
func nextLine(path string, offset int64) int64 {
	file, err := os.Open(path)
	if err != nil {
		return offset
	}
	defer file.Close()
	rest, err := io.ReadAll(io.NewSectionReader(file, offset, shownBytes))
	if end := bytes.IndexByte(rest, '\n'); err == nil && end >= 0 {
		return offset + int64(end) + 1
	}
	return offset
}

// read prints what was added since.
func (f *follower) read() error {
	for _, path := range f.files() {
		if f.at[path] == nil {
			f.at[path] = &position{}
		}
		if err := f.readFile(path, f.at[path]); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) readFile(path string, at *position) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() < at.offset {
		*at = position{} // it was rotated
	}
	added, err := io.ReadAll(io.NewSectionReader(file, at.offset, 1<<40))
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	at.offset += int64(len(added))
	text := slices.Concat(at.partial, added)
	end := bytes.LastIndexByte(text, '\n') + 1
	at.partial = bytes.Clone(text[end:])
	for line := range bytes.Lines(text[:end]) {
		if _, err := fmt.Fprintf(f.w, "%s | %s", instanceOf(path), line); err != nil {
			return fmt.Errorf("print log: %w", err)
		}
	}
	return nil
}
