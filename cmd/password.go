package cmd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxPasswordLine bounds what is read for a password: all that the server would take, many times.
const maxPasswordLine = 4 << 10

// newPassword asks at a terminal for a new password, twice and without showing it, or else reads the first
// line of standard input. It is never an argument, which everybody on the machine could see.
func (a *app) newPassword(ctx context.Context, name string) (string, error) {
	terminal, ok := a.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return firstLine(a.Stdin)
	}
	first, err := a.ask(ctx, terminal, fmt.Sprintf("New password of %s: ", visible(name)))
	if err != nil {
		return "", err
	}
	second, err := a.ask(ctx, terminal, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", usage(errors.New("the two are not the same"))
	}
	return first, nil
}

// ask reads a line that the terminal does not show. An interrupt puts the terminal right and ends the
// process, since nothing else ends the reading.
func (a *app) ask(ctx context.Context, terminal *os.File, prompt string) (string, error) {
	before, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		return "", fmt.Errorf("ask for a password: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		_ = term.Restore(int(terminal.Fd()), before) // the process ends anyway
		fmt.Fprintln(a.Stderr)
		os.Exit(exitFailed)
	})()
	fmt.Fprint(a.Stderr, prompt)
	password, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(a.Stderr)
	if err != nil {
		return "", fmt.Errorf("ask for a password: %w", err)
	}
	return string(password), nil
}

// firstLine reads a password that another program writes.
func firstLine(r io.Reader) (string, error) {
	if r == nil {
		r = bytes.NewReader(nil)
	}
	line, err := bufio.NewReader(io.LimitReader(r, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usage(errors.New("no password came on standard input"))
	}
	return line, nil
}
