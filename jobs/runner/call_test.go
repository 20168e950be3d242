package runner_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/runner"
)

// Lines are told as they come, not when the answer ends.
func TestLinesAreStreamed(t *testing.T) {
	t.Parallel()
	told := make(chan struct{})
	b := newRoute(t, func(w http.ResponseWriter, r *http.Request) {
		lines(`{"progress":40,"message":"half"}`+"\n", `{"event":"chapter","data":{"n":1}}`+"\n")(w, r)
		select {
		case <-told:
			lines(`{"alive":true}`+"\n", `{"progres":1}`+"\n", `{"progress":60}`+"\n", `{"output":1}`+"\n")(w, r)
		case <-r.Context().Done():
		}
	})
	wait := b.begin(t.Context())
	b.sink.await("the event", func() bool { return len(b.sink.events(jobs.TaskCustom)) == 1 })
	close(told)
	ending, err := wait()
	if err != nil {
		t.Fatal(err)
	}
	wantCompleted(t, ending)
	want := []string{`{"progress":40,"message":"half"}`, `{"progress":60}`}
	if got := b.sink.events(jobs.TaskProgress); !slices.Equal(got, want) {
		t.Errorf("progress %s", got)
	}
	if got := b.sink.events(jobs.TaskCustom); !slices.Equal(got, []string{`{"name":"chapter","data":{"n":1}}`}) {
		t.Errorf("events %s", got)
	}
	if said := b.sink.text(jobs.System); !strings.HasPrefix(said, "answer, line 4: ") || !strings.Contains(said, `did you mean "progress"`) {
		t.Errorf("log %q", said)
	}
}

// endless is a route that begins its answer and never ends it; gone is closed when its worker hangs up.
func endless(beginning string) (handler http.HandlerFunc, gone chan struct{}) {
	gone = make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if beginning != "" {
			lines(beginning)(w, r)
		}
		<-r.Context().Done()
		close(gone)
	}, gone
}

func awaitGone(t *testing.T, gone chan struct{}) {
	t.Helper()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the connection is not closed")
	}
}

func TestRouteWatchdogs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		beginning string
		adjust    func(*bench)
		code      jobs.Code
		message   string
	}{
		"no answer":           {``, func(b *bench) { b.spec.Timeout = 200 * time.Millisecond }, jobs.CodeTimeout, "timeout of 200ms"},
		"no end":              {`{"output":1}` + "\n", func(b *bench) { b.spec.Timeout = 200 * time.Millisecond }, jobs.CodeTimeout, "timeout of 200ms"},
		"timeout of http":     {``, func(b *bench) { b.spec.HTTP.Timeout = 150 * time.Millisecond }, jobs.CodeTimeout, "timeout of 150ms"},
		"timeout of the task": {``, func(b *bench) { b.claim.Timeout = 150 * time.Millisecond; b.spec.HTTP.Timeout = time.Second }, jobs.CodeTimeout, "timeout of 150ms"},
		"silent":              {`{"progress":1}` + "\n", func(b *bench) { b.spec.Silence = 200 * time.Millisecond }, jobs.CodeSilent, "no output and no event for 200ms"},
		"silent at once":      {``, func(b *bench) { b.spec.Silence = 200 * time.Millisecond }, jobs.CodeSilent, "for 200ms"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, gone := endless(test.beginning)
			b := newRoute(t, handler)
			test.adjust(b)
			ending := b.run(t.Context())
			wantFailure(t, ending, test.code, test.message)
			if ending.Next == nil || ending.Output != nil {
				t.Errorf("next %+v, output %s", ending.Next, ending.Output)
			}
			awaitGone(t, gone)
		})
	}
}

func TestRouteThatIsAliveIsNotSilent(t *testing.T) {
	t.Parallel()
	b := newRoute(t, func(w http.ResponseWriter, r *http.Request) {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for range 8 {
			<-ticker.C
			lines(`{"alive":true}`+"\n")(w, r)
		}
	})
	b.spec.Silence = 700 * time.Millisecond
	wantCompleted(t, b.run(t.Context()))
}

func TestStopClosesTheConnection(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cause     error
		beginning string
		outcome   jobs.Outcome // empty: there is no ending
	}{
		"cancelled":              {runner.ErrCancelled, `{"event":"ready"}` + "\n", jobs.OutcomeCancelled},
		"cancelled, with output": {runner.ErrCancelled, `{"output":1}` + "\n" + `{"event":"ready"}` + "\n", jobs.OutcomeCancelled},
		"interrupted":            {runner.ErrInterrupted, `{"event":"ready"}` + "\n", jobs.OutcomeInterrupted},
		"lease lost":             {runner.ErrLeaseLost, `{"event":"ready"}` + "\n", ""},
		"fenced":                 {jobs.ErrFenced, `{"event":"ready"}` + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, gone := endless(test.beginning)
			b := newRoute(t, handler)
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			wait := b.begin(ctx)
			b.sink.await("the event", func() bool { return len(b.sink.events(jobs.TaskCustom)) == 1 })
			stop(test.cause)
			ending, err := wait()
			if ending.Outcome != test.outcome || (err != nil) != (test.outcome == "") {
				t.Errorf("outcome %q, error %v", ending.Outcome, err)
			}
			if test.outcome == jobs.OutcomeInterrupted && (ending.Next == nil || ending.Next.CostsTry) {
				t.Errorf("next %+v", ending.Next)
			}
			awaitGone(t, gone)
		})
	}
}

func TestLeaseOfARoute(t *testing.T) {
	t.Parallel()
	handler, gone := endless(`{"event":"ready"}` + "\n")
	b := newRoute(t, handler)
	b.host.Renew(300 * time.Millisecond)
	if ending, err := b.try(t.Context()); err == nil {
		t.Errorf("ending %+v", ending)
	}
	awaitGone(t, gone)
}
