package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/runner"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	const objectOutput = `{"type":"object","required":["url"],"properties":{"url":{"type":"string"}}}`
	tests := map[string]struct {
		script  string
		adjust  func(*bench)
		code    jobs.Code
		message string
		final   bool // no other attempt follows
	}{
		"exit code":     {script: "echo working; exit 3", code: jobs.CodeExit, message: "exit code 3"},
		"signal":        {script: "kill -SEGV $$", code: jobs.CodeExit, message: "killed by SIGSEGV"},
		"last try":      {script: "exit 1", adjust: func(b *bench) { b.claim.Tries = 2 }, code: jobs.CodeExit, final: true},
		"error line":    {script: `echo '{"error":{"message":"no such street"}}' >> $FRESHET_EVENTS`, code: jobs.CodeExit, message: "no such street"},
		"error, final":  {script: `echo '{"error":{"message":"no","retry":false}}' >> $FRESHET_EVENTS; exit 1`, code: jobs.CodeExit, message: "no", final: true},
		"error, silent": {script: `echo '{"error":{}}' >> $FRESHET_EVENTS`, code: jobs.CodeExit, message: "said that it failed"},
		"timeout": {
			script: "sleep 60", adjust: func(b *bench) { b.claim.Timeout = 100 * time.Millisecond },
			code: jobs.CodeTimeout, message: "timeout of 100ms",
		},
		"timeout of the kind": {
			script: `echo '{"output":1}' >> $FRESHET_EVENTS; trap "exit 0" TERM; sleep 60 & wait`,
			adjust: func(b *bench) { b.spec.Timeout = 300 * time.Millisecond; b.claim.Timeout = time.Hour },
			code:   jobs.CodeTimeout, message: "timeout of 300ms",
		},
		"silent": {
			script: "echo a; sleep 60", adjust: func(b *bench) { b.spec.Silence = 200 * time.Millisecond },
			code: jobs.CodeSilent, message: "no output and no event for 200ms",
		},
		"not found":     {script: "", adjust: func(b *bench) { b.spec.Command = []string{"no-such-program"} }, code: jobs.CodeNotFound, message: "no-such-program", final: true},
		"no folder":     {script: "true", adjust: func(b *bench) { b.spec.Cwd = "missing" }, code: jobs.CodeNotStarted, message: "missing"},
		"no variable":   {script: "true", adjust: func(b *bench) { b.spec.Env["A"] = "${NOT_SET}" }, code: jobs.CodeNotStarted, message: "env A of kind test: variable NOT_SET is not set"},
		"a flag's dash": {script: "", adjust: withArgument(`{"name":"--rm"}`), code: jobs.CodeNotStarted, message: "/name", final: true},
		"bad output": {
			script: `echo '{"output":{"url":1}}' >> $FRESHET_EVENTS`, adjust: withOutput(objectOutput),
			code: jobs.CodeBadOutput, message: "/url", final: true,
		},
		"null output": {
			script: `echo '{"output":null}' >> $FRESHET_EVENTS`, adjust: withOutput(objectOutput),
			code: jobs.CodeBadOutput, message: "schema", final: true,
		},
		"no output": {script: `true`, adjust: withOutput(objectOutput), code: jobs.CodeBadOutput, message: "no output", final: true},
		"huge output": {
			script: `(printf '{"output":"'; head -c 1100000 /dev/zero | tr '\0' x; echo '"}') >> $FRESHET_EVENTS`,
			code:   jobs.CodeBadOutput, message: "longer than 1048576 bytes", final: true,
		},
		"NUL in output": {
			script: `echo '{"output":"a\\u0000b"}' | tr -s '\\' >> $FRESHET_EVENTS`,
			code:   jobs.CodeBadOutput, message: "NUL", final: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh(test.script)
			if test.adjust != nil {
				test.adjust(b)
			}
			ending := b.run(t.Context())
			wantFailure(t, ending, test.code, test.message)
			if (ending.Next == nil) != test.final {
				t.Errorf("next attempt %+v, final %v", ending.Next, test.final)
			}
			if ending.Next != nil && (!ending.Next.CostsTry || ending.Next.Delay != 10*time.Second) {
				t.Errorf("next attempt %+v; want the second try's backoff", ending.Next)
			}
			if ending.Output != nil || ending.Failure.Attempt != b.claim.Attempt {
				t.Errorf("output %s, attempt %d", ending.Output, ending.Failure.Attempt)
			}
		})
	}
}

func withArgument(input string) func(*bench) {
	return func(b *bench) {
		b.spec.Command, b.claim.Input = []string{"echo", "{{input.name}}"}, json.RawMessage(input)
	}
}

func withOutput(schema string) func(*bench) {
	return func(b *bench) { b.spec.Output = json.RawMessage(schema) }
}

func TestFailureCarriesWhatTheCommandSaid(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`
		for i in $(seq 100); do echo "line $i"; done; printf "odd \\377 byte\\n"
		echo '{"error":{"message":"card declined","code":"declined","detail":"bank says no","retryAfter":"90h"}}' >> $FRESHET_EVENTS
		exit 4`)
	ending := b.run(t.Context())
	wantFailure(t, ending, jobs.CodeExit, "card declined")
	f := ending.Failure
	if f.UserCode != "declined" || f.Detail != "bank says no" || f.ExitCode == nil || *f.ExitCode != 4 || *ending.ExitCode != 4 {
		t.Errorf("failure %+v", f)
	}
	if ending.Next == nil || ending.Next.Delay != 24*time.Hour {
		t.Errorf("next %+v; want the day that retryAfter may ask for at most", ending.Next)
	}
	lines := strings.Split(f.LogTail, "\n")
	if len(lines) != 20 || !strings.HasSuffix(f.LogTail, "line 100\nodd \uFFFD byte") {
		t.Errorf("log tail of %d lines: %q", len(lines), f.LogTail)
	}
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, "hog", "1024")
	b.spec.Memory = 96 << 20
	ending := b.run(t.Context())
	wantFailure(t, ending, jobs.CodeOOM, "bytes of memory")
	if ending.Signal != "SIGKILL" || ending.ExitCode != nil {
		t.Errorf("signal %q, exit code %v", ending.Signal, ending.ExitCode)
	}
}

func TestCompleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`
		echo hello
		echo '{"output":{"draft":true}}' >> $FRESHET_EVENTS
		printf '{"output":{"url":"x"}}' >> $FRESHET_EVENTS # the last one wins, its line's end or not
		sleep 100 &`)
	b.spec.Output = json.RawMessage(`{"type":"object","required":["url"]}`)
	ending := b.run(t.Context())
	wantCompleted(t, ending)
	if string(ending.Output) != `{"url":"x"}` || ending.ExitCode == nil || *ending.ExitCode != 0 || ending.Signal != "" {
		t.Errorf("ending %+v", ending)
	}
	u := ending.Usage
	if u.OutputBytes != 6 || u.LeftProcesses != 1 || u.WallSeconds <= 0 || u.CPUSeconds <= 0 || u.MaxRSSBytes <= 0 {
		t.Errorf("usage %+v", u)
	}
	if text := b.sink.text(jobs.Stdout); text != "hello\n" {
		t.Errorf("stdout %q", text)
	}
}

func TestSignsOfLifeBreakTheSilence(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`for i in 1 2 3 4 5 6 7 8; do sleep 0.1; echo '{"alive":true}' >> $FRESHET_EVENTS; done`)
	b.spec.Silence = 700 * time.Millisecond
	wantCompleted(t, b.run(t.Context()))
}

// A command can be stopped from outside in two ways, by the context and by the answer to a flush.
func TestStopped(t *testing.T) {
	t.Parallel()
	const obedient = `echo up; sleep 60 & wait`
	const stubborn = `trap "" TERM; echo up; while :; do sleep 0.1; done`
	const polite = `trap "exit 0" TERM; echo up; sleep 60 & wait`
	const finishing = `trap "echo '{\"output\":7}' >> $FRESHET_EVENTS; exit 0" TERM; echo up; sleep 60 & wait`
	tests := map[string]struct {
		script  string
		cause   error // nil: the Sink says cancel
		outcome jobs.Outcome
	}{
		"cancelled":                        {obedient, runner.ErrCancelled, jobs.OutcomeCancelled},
		"cancelled by a flush":             {obedient, nil, jobs.OutcomeCancelled},
		"cancelled, stubborn":              {stubborn, runner.ErrCancelled, jobs.OutcomeCancelled},
		"cancelled, exits 0":               {polite, runner.ErrCancelled, jobs.OutcomeCancelled},
		"cancelled, finishes in its grace": {finishing, runner.ErrCancelled, jobs.OutcomeCompleted},
		"interrupted":                      {obedient, runner.ErrInterrupted, jobs.OutcomeInterrupted},
		"interrupted, exits 0":             {polite, runner.ErrInterrupted, jobs.OutcomeInterrupted},
		"interrupted, finishes":            {finishing, runner.ErrInterrupted, jobs.OutcomeCompleted},
		"any other cause":                  {obedient, context.Canceled, jobs.OutcomeInterrupted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh(test.script)
			if test.script == stubborn {
				b.spec.Grace = 200 * time.Millisecond
			}
			b.sink.cancel = test.cause == nil
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			wait := b.begin(ctx)
			b.sink.await("the command", func() bool { return b.sink.text(jobs.Stdout) == "up\n" })
			if test.cause != nil {
				cancel(test.cause)
			}
			ending, err := wait()
			if err != nil || ending.Outcome != test.outcome {
				t.Fatalf("outcome %s, error %v; want %s", ending.Outcome, err, test.outcome)
			}
			switch test.outcome {
			case jobs.OutcomeCompleted:
				wantCompleted(t, ending)
			case jobs.OutcomeCancelled:
				if ending.Failure != nil || ending.Next != nil {
					t.Errorf("failure %+v, next %+v", ending.Failure, ending.Next)
				}
			default:
				if ending.Failure.Code != jobs.CodeInterrupted || ending.Next == nil || *ending.Next != (jobs.Next{}) {
					t.Errorf("failure %+v, next %+v", ending.Failure, ending.Next)
				}
			}
		})
	}
}

func TestStoppedBeforeTheStart(t *testing.T) {
	t.Parallel()
	for cause, outcome := range map[error]jobs.Outcome{
		runner.ErrCancelled: jobs.OutcomeCancelled, runner.ErrInterrupted: jobs.OutcomeInterrupted,
	} {
		b := newBench(t, "").sh("echo never")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		ending := b.run(ctx)
		if ending.Outcome != outcome || ending.Usage != nil || b.sink.stored != 0 {
			t.Errorf("%v: outcome %s, usage %+v, %d records", cause, ending.Outcome, ending.Usage, b.sink.stored)
		}
	}
}

func TestLostBeforeTheStart(t *testing.T) {
	t.Parallel()
	for range 20 {
		b := newBench(t, "").sh("echo never")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(runner.ErrLeaseLost)
		if ending, err := b.try(ctx); !errors.Is(err, runner.ErrLeaseLost) {
			t.Fatalf("ending %+v, error %v; want %v", ending, err, runner.ErrLeaseLost)
		}
	}
}

// An attempt that is not ours any more is killed at once, whatever grace it has, and has no ending.
func TestLost(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lose func(b *bench, cancel context.CancelCauseFunc)
		want error
	}{
		"fenced by a flush": {
			func(b *bench, _ context.CancelCauseFunc) { b.sink.fence() }, jobs.ErrFenced,
		},
		"fenced by the heartbeat": {
			func(_ *bench, cancel context.CancelCauseFunc) { cancel(fmt.Errorf("beat: %w", jobs.ErrFenced)) }, jobs.ErrFenced,
		},
		"lease of one attempt": {
			func(_ *bench, cancel context.CancelCauseFunc) { cancel(runner.ErrLeaseLost) }, runner.ErrLeaseLost,
		},
		"lease of the host": {
			func(b *bench, _ context.CancelCauseFunc) { b.host.Renew(100 * time.Millisecond) }, runner.ErrLeaseLost,
		},
		"lease over after an interruption": {
			func(b *bench, cancel context.CancelCauseFunc) {
				cancel(runner.ErrInterrupted)
				b.host.Renew(100 * time.Millisecond)
			}, runner.ErrLeaseLost,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh(`trap "" TERM; echo $$; while :; do echo up; sleep 0.1; done`)
			b.spec.Grace = time.Hour
			b.host.Renew(time.Hour)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			wait := b.begin(ctx)
			b.sink.await("the command", func() bool { return strings.Contains(b.sink.text(jobs.Stdout), "up\n") })
			line, _, _ := strings.Cut(b.sink.text(jobs.Stdout), "\n")
			pid, err := strconv.Atoi(line)
			if err != nil || syscall.Kill(pid, 0) != nil {
				t.Fatalf("the command is not there: %q, %v", line, err)
			}
			test.lose(b, cancel)
			if _, err := wait(); !errors.Is(err, test.want) {
				t.Errorf("error %v; want %v", err, test.want)
			}
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("the command is still there: %v", err)
			}
		})
	}
}

// A lease that ran out while nothing ran lets nothing start, until it is renewed.
func TestLeaseOfLaterAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh("true")
	b.host.Renew(0)
	if _, err := b.try(t.Context()); !errors.Is(err, runner.ErrLeaseLost) {
		t.Errorf("error %v; want %v", err, runner.ErrLeaseLost)
	}
	b.host.Renew(time.Minute)
	wantCompleted(t, b.run(t.Context()))
}
