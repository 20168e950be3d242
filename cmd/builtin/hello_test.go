package builtin_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"freshet/cmd/builtin"
)

func TestHello(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		`{"seconds": 0}`:                          "Hello, world!",
		`{"seconds": 0, "name": "Ada"}`:           "Hello, Ada!",
		`{"seconds": 0, "name": "<Zoë> & \"B\""}`: `Hello, <Zoë> & "B"!`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, input)
			var stdout bytes.Buffer
			env.Stdout = &stdout
			var output struct{ Greeting string }
			succeed(t, builtin.Hello, env, &output)
			if output.Greeting != want {
				t.Errorf("greeting %q, want %q", output.Greeting, want)
			}
			if got := strings.Count(stdout.String(), "\n"); got != 10 {
				t.Errorf("%d lines on stdout, want 10", got)
			}
		})
	}
}

func TestHelloStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	env := newEnv(t, `{"seconds": 60}`)
	env.Stdout = onWrite(func() { cancel(cause) })
	if err := builtin.Hello(ctx, env); !errors.Is(err, cause) {
		t.Fatalf("error %v, want the cause", err)
	}
	lines := events(t, env)
	if len(lines) != 1 || lines[0].Error != nil || lines[0].Output != nil {
		t.Errorf("lines %+v, want one of progress", lines)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	fail(t, builtin.Hello, newEnv(t, `{"seconds": "three"}`), "bad_input", false)
}

func TestMissingInput(t *testing.T) {
	t.Parallel()
	env := newEnv(t, `{}`)
	env.Input += ".gone"
	var told *builtin.Error
	if err := builtin.Hello(t.Context(), env); err == nil || errors.As(err, &told) {
		t.Errorf("error %v, want one that is not the task's own", err)
	}
}

// onWrite is a writer that calls a function.
type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}
