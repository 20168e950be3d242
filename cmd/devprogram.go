package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"freshet/jobs/process"
	"freshet/jobs/supervisor"
)

// programGrace is what the program beside freshet dev has to end after SIGTERM.
const programGrace = 5 * time.Second

// killedBySignal is what shells add to the number of the signal that ended a program.
const killedBySignal = 128

// programEnd says that the program beside freshet dev has ended by itself, which ends freshet dev.
type programEnd struct {
	code   int
	signal string // empty if it exited
}

func (e *programEnd) Error() string {
	if e.signal != "" {
		return "ended by " + e.signal
	}
	return fmt.Sprintf("ended with exit code %d", e.code)
}

// devProgram runs the user's own program beside Freshet, on the terminal of freshet dev. Nothing that it
// starts outlives freshet dev, however that ends.
func (a *app) devProgram(program []string, address string, keys serverKeys) supervisor.Part {
	spec := process.Spec{
		Args: program, Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr, Grace: programGrace, KeepUmask: true,
		Env: replaced(environ(), map[string]string{
			"FRESHET_URL":            address,
			"FRESHET_API_KEY":        keys.admin,
			"FRESHET_WEBHOOK_SECRET": keys.webhook,
		}, "FRESHET_DATABASE_URL", "FRESHET_DATABASE_DIRECT_URL"),
	}
	return supervisor.Part{Name: strings.Join(program, " "), Run: func(ctx context.Context) error {
		child, err := process.Start(ctx, spec)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			child.Stop()
			_, err := child.Wait()
			return err
		case <-child.Done():
		}
		result, err := child.Wait()
		if err != nil {
			return err
		}
		return endOf(result)
	}}
}

func endOf(result process.Result) *programEnd {
	if result.Signal == "" {
		return &programEnd{code: result.ExitCode}
	}
	return &programEnd{code: killedBySignal + int(unix.SignalNum(result.Signal)), signal: result.Signal}
}
