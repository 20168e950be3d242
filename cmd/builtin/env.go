package builtin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Env is what an example sees of the world.
type Env struct {
	Input     string   // path of the JSON input; FRESHET_INPUT
	Events    string   // path of the file that takes the events, one JSON object a line; FRESHET_EVENTS
	Artifacts string   // folder whose files are kept with the task; FRESHET_ARTIFACTS
	Environ   []string // the whole environment, for the programs that the example starts
	Stdout    io.Writer
	Stderr    io.Writer
}

// Error is a failure that the example told Freshet of, with a code of its own.
type Error struct {
	Code    string
	Message string
	Retry   bool // whether the same task may do better next time
}

func (e *Error) Error() string { return e.Message }

// example is the code of a kind. What it answers becomes the task's output.
type example[Input, Output any] func(ctx context.Context, input Input, t *task) (Output, error)

// run gives an example its input and reports its output, or its error.
func run[Input, Output any](ctx context.Context, env Env, work example[Input, Output]) error {
	events, err := os.OpenFile(env.Events, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the event file: %w", err)
	}
	defer events.Close()
	t := &task{Env: env, events: json.NewEncoder(events)}
	output, err := attempt(ctx, t, work)
	if err == nil {
		return t.report(map[string]any{"output": output})
	}
	if told, ok := errors.AsType[*Error](err); ok {
		line := map[string]any{"code": told.Code, "message": told.Message, "retry": told.Retry}
		err = errors.Join(err, t.report(map[string]any{"error": line}))
	}
	return err
}

func attempt[Input, Output any](ctx context.Context, t *task, work example[Input, Output]) (Output, error) {
	var input Input
	var none Output
	raw, err := os.ReadFile(t.Input)
	if err != nil {
		return none, fmt.Errorf("read the input: %w", err)
	}
	if err := json.Unmarshal(raw, &input); err != nil {
		return none, &Error{Code: "bad_input", Message: "the input cannot be read: " + err.Error()}
	}
	return work(ctx, input, t)
}

// task is an example at work.
type task struct {
	Env

	events *json.Encoder
}

// step says how far the task is, from 0 to 100, in the event file and in the log.
func (t *task) step(progress int, message string) error {
	if _, err := fmt.Fprintln(t.Stdout, message); err != nil {
		return fmt.Errorf("write to stdout: %w", err)
	}
	return t.report(map[string]any{"progress": progress, "message": message})
}

func (t *task) report(line any) error {
	if err := t.events.Encode(line); err != nil {
		return fmt.Errorf("write to the event file: %w", err)
	}
	return nil
}
