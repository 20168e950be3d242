package supervisor_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/jobs/supervisor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal collects what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) waiter(name string) supervisor.Part {
	return supervisor.Part{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		j.add(name)
		return nil
	}}
}

func TestRunStopsInReverse(t *testing.T) {
	t.Parallel()
	var j journal
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := supervisor.Run(ctx, time.Minute, j.waiter("database"), j.waiter("api"), j.waiter("worker")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"worker", "api", "database"}; !slices.Equal(j.lines, want) {
		t.Errorf("stopped %v, want %v", j.lines, want)
	}
}

func TestRunStopsAllWhenOneFails(t *testing.T) {
	t.Parallel()
	var j journal
	broken := errors.New("broken")
	err := supervisor.Run(t.Context(), time.Minute, j.waiter("database"), supervisor.Part{
		Name: "api", Run: func(context.Context) error { return broken },
	})
	if !errors.Is(err, broken) || err.Error() != "api: broken" {
		t.Errorf("error %v, want api: broken", err)
	}
	if !slices.Equal(j.lines, []string{"database"}) {
		t.Errorf("stopped %v", j.lines)
	}
}

func TestRunReportsAPartThatEndsByItself(t *testing.T) {
	t.Parallel()
	err := supervisor.Run(t.Context(), time.Minute, supervisor.Part{
		Name: "api", Run: func(context.Context) error { return nil },
	})
	if err == nil || err.Error() != "api: ended by itself" {
		t.Errorf("error %v", err)
	}
}

func TestRunGivesUpAfterTheDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	release := make(chan struct{})
	returned := make(chan struct{})
	err := supervisor.Run(ctx, time.Millisecond, supervisor.Part{Name: "stuck", Run: func(context.Context) error {
		defer close(returned)
		<-release
		return nil
	}})
	if !errors.Is(err, supervisor.ErrDeadline) {
		t.Errorf("error %v, want ErrDeadline", err)
	}
	close(release)
	<-returned
}
