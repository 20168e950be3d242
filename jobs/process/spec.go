//go:build unix

package process

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"freshet/jobs/process/lifeline"
	"freshet/jobs/process/sandbox"
)

// maxArguments is what Linux allows arguments and environment together at the very most, in bytes.
const maxArguments = 6 << 20

// Spec says what to run and how.
type Spec struct {
	// Args is the argument list. The first is looked up in the PATH of Env or, with a slash in it, from
	// Dir. No shell sees it.
	Args []string
	// Dir is the working directory; empty means the worker's.
	Dir string
	// Env is the whole environment, as "NAME=value". Environ makes one.
	Env []string
	// Stdin is what the command reads; nil is /dev/null. An *os.File is handed over as it is. Anything
	// else must not block for ever, for Wait waits for it.
	Stdin io.Reader
	// Stdout and Stderr take the output as bytes, cut anywhere; nil drops it. An *os.File is handed over
	// as it is. Each is written from a goroutine of its own, but for one writer given twice. They must
	// not block for long: the command would.
	Stdout, Stderr io.Writer
	// Grace is the time between SIGTERM and SIGKILL of a Stop.
	Grace time.Duration
	// Memory is how many bytes the command and its descendants may use; 0 is no limit.
	Memory int64
	// Processes is how many the command and its descendants may be at once, each of their threads counted; 0
	// is no limit.
	Processes int
	// OpenFiles is how many files each process may have open, if this process may not have fewer; 0 is as
	// many as this process. What starts the command takes some twenty itself.
	OpenFiles int
	// User is who the command runs as; nil means this process's user. It takes a process of root, and the
	// command can then gain no privileges any more, not by setuid programs either.
	User *User
	// Sandbox is what the command and its descendants are confined to; nil is nothing. The executable itself may
	// be read, and no privileges be gained any more. Where it cannot be had, the command does not start.
	Sandbox *sandbox.Rules
	// KeepUmask gives what the command writes the modes that it would have from this process; else only
	// its owner can read it.
	KeepUmask bool

	watched bool // for tests: without a control group
}

// command checks the Spec and finds its executable.
func (s Spec) command() (lifeline.Command, error) {
	if err := s.validate(); err != nil {
		return lifeline.Command{}, err
	}
	path, err := lookup(s.Args[0], s.Dir, s.Env)
	if err != nil {
		return lifeline.Command{}, err
	}
	return lifeline.Command{
		Path: path, Args: s.Args, Env: s.Env, Dir: s.Dir,
		Grace: max(s.Grace, 0), Memory: s.Memory, Watch: s.watched, KeepUmask: s.KeepUmask,
		Processes: s.Processes, OpenFiles: s.OpenFiles,
		User: s.User.credential(), Sandbox: s.confinement(path),
	}, nil
}

// confinement lets the executable be read.
func (s Spec) confinement(executable string) *sandbox.Rules {
	if s.Sandbox == nil {
		return nil
	}
	rules := *s.Sandbox
	rules.Read = append(slices.Clip(rules.Read), executable)
	return &rules
}

func (s Spec) validate() error {
	if len(s.Args) == 0 || s.Args[0] == "" {
		return fmt.Errorf("%w: no command given", ErrInvalid)
	}
	size := 0
	for _, list := range [][]string{s.Args, s.Env, {s.Dir}} {
		for _, text := range list {
			if strings.IndexByte(text, 0) >= 0 {
				return fmt.Errorf("%w: a NUL byte in %q", ErrInvalid, clip(text))
			}
			size += len(text) + 1
		}
	}
	if size > maxArguments {
		return tooLarge()
	}
	if s.Memory < 0 || s.Processes < 0 || s.OpenFiles < 0 {
		return fmt.Errorf("%w: limits of %d bytes of memory, %d processes and %d open files", ErrInvalid, s.Memory, s.Processes, s.OpenFiles)
	}
	if s.Dir == "" {
		return nil
	}
	if info, err := os.Stat(s.Dir); err != nil {
		return fmt.Errorf("%w: working directory: %w", ErrInvalid, err)
	} else if !info.IsDir() {
		return fmt.Errorf("%w: working directory %s is not a folder", ErrInvalid, s.Dir)
	}
	return nil
}

func tooLarge() error {
	return fmt.Errorf("%w: arguments and environment are too large (on Linux, 128 KiB for one and some MiB for all; pass large data by stdin or a file)", ErrInvalid)
}

// clip shortens what is shown in an error.
func clip(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// lookup finds the executable of a command, as an absolute path.
func lookup(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return "", fmt.Errorf("find %s: %w", name, err)
		}
		return path, executable(path)
	}
	list, found := "", false
	for _, pair := range env { // the last one of a name counts
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			list, found = value, true
		}
	}
	if !found {
		return "", fmt.Errorf("%w: %s (there is no PATH in its environment)", ErrNotFound, name)
	}
	for _, folder := range filepath.SplitList(list) {
		if !filepath.IsAbs(folder) {
			continue // whoever writes to the working directory must not choose the command
		}
		if path := filepath.Join(folder, name); executable(path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: %s (not in %s)", ErrNotFound, name, list)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case info.IsDir():
		return fmt.Errorf("%w: %s is a folder", ErrNotFound, path)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%w: %s is not executable", ErrNotFound, path)
	default:
		return nil
	}
}
