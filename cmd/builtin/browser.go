package builtin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"freshet/jobs/process"
)

// browser is a headless Chromium with a profile that nothing else uses. It is gone, with all its
// processes, when it is closed or its context ends.
type browser struct {
	*devtools

	child   *process.Child
	release func() bool
	pipes   []*os.File
	log     string // path of what it says on stderr
}

// openBrowser starts Chromium; folder is where it may keep its files.
func openBrowser(ctx context.Context, t *task, folder string) (*browser, error) {
	path, err := findChromium(t.Environ)
	if err != nil {
		return nil, err
	}
	sandbox := os.Geteuid() != 0
	if !sandbox {
		fmt.Fprintln(t.Stderr, "running as root: Chromium is started without its sandbox")
	}
	b := &browser{log: filepath.Join(folder, "chromium.log"), release: func() bool { return true }}
	stdin, stdout, err := b.connect()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the browser: %w", err), b.close())
	}
	defer stdin.Close()
	defer stdout.Close()
	stderr, err := os.Create(b.log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the browser: %w", err), b.close())
	}
	defer stderr.Close()
	child, err := process.Start(ctx, process.Spec{
		Args: chromium(path, filepath.Join(folder, "profile"), sandbox),
		Dir:  folder, Env: inFolder(t.Environ), Stdin: stdin, Stdout: stdout, Stderr: stderr,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the browser: %w", err), b.close())
	}
	b.child, b.release = child, context.AfterFunc(ctx, child.Kill)
	return b, nil
}

// connect makes the two pipes and answers the browser's ends of them.
func (b *browser) connect() (stdin, stdout *os.File, err error) {
	stdin, commands, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	answers, stdout, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make a pipe: %w", err), stdin.Close(), commands.Close())
	}
	b.pipes = []*os.File{commands, answers}
	b.devtools = &devtools{to: commands, from: bufio.NewReader(answers), notice: func(message) {}}
	return stdin, stdout, nil
}

// close kills the browser, waits for its end, and closes the pipes.
func (b *browser) close() error {
	b.release()
	var errs []error
	if b.child != nil {
		b.child.Kill()
		_, _ = b.child.Wait() // it was killed: how it ended tells nothing
	}
	for _, pipe := range b.pipes {
		errs = append(errs, pipe.Close())
	}
	return errors.Join(errs...)
}

// lastWords is the end of what the browser said on stderr.
func (b *browser) lastWords() string {
	const most = 2000
	said, err := os.ReadFile(b.log)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(said[max(0, len(said)-most):]))
}
