package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"freshet/cmd/client"
	"freshet/jobs"
)

// collect is a Watch that keeps the numbers of what it is told.
func collect(seqs *[]int64) client.Watch {
	return client.Watch{Events: true, Logs: &client.LogQuery{}, Entry: func(event client.Event) error {
		*seqs = append(*seqs, event.Seq)
		return nil
	}}
}

func wantDense(t *testing.T, got []int64, from, to int64) {
	t.Helper()
	var want []int64
	for seq := from; seq <= to; seq++ {
		want = append(want, seq)
	}
	if !slices.Equal(got, want) {
		t.Errorf("entries %v, want each from %d to %d once and in order", got, from, to)
	}
}

func TestFollowTellsEverythingOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for name, history := range map[string][]jobs.EventType{
		"nothing but events": slices.Repeat([]jobs.EventType{jobs.TaskProgress}, 20),
		"nothing but output": slices.Repeat([]jobs.EventType{jobs.TaskLog}, 20),
		"one by one":         slices.Repeat([]jobs.EventType{jobs.TaskLog, jobs.TaskProgress}, 20),
		"in heaps": slices.Concat(slices.Repeat([]jobs.EventType{jobs.TaskLog}, 17), slices.Repeat([]jobs.EventType{jobs.TaskProgress}, 19),
			slices.Repeat([]jobs.EventType{jobs.TaskLog}, 5)),
		"a page exactly": slices.Repeat([]jobs.EventType{jobs.TaskLog, jobs.TaskProgress, jobs.TaskLog}, 4),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, 4)
			s.happen(history...)
			s.happen(jobs.TaskCompleted)
			var got []int64
			task, err := s.client(s.listen("")).Follow(t.Context(), taskID, collect(&got))
			if err != nil || task.Value.State != jobs.Completed {
				t.Fatalf("follow: %+v, %v", task.Value, err)
			}
			wantDense(t, got, 1, int64(len(history)+1))
		})
	}
}

// Between the reads of the two lists the task goes on: what a list already shows of that must wait.
func TestFollowKeepsTheOrderWhileTheTaskGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.happen(jobs.TaskCreated)
	var once sync.Mutex
	rounds := 0
	s.after = func(string) {
		once.Lock()
		defer once.Unlock()
		switch rounds++; {
		case rounds < 20:
			s.happen(jobs.TaskProgress, jobs.TaskLog, jobs.TaskLog, jobs.TaskProgress)
		case rounds == 20:
			s.happen(jobs.TaskLog, jobs.TaskCompleted)
		}
	}
	var got []int64
	task, err := s.client(s.listen("")).Follow(t.Context(), taskID, collect(&got))
	if err != nil {
		t.Fatal(err)
	}
	wantDense(t, got, 1, task.Value.Seq)
}

func TestFollowSurvivesARestart(t *testing.T) {
	t.Parallel()
	s := newStage(t, 4)
	s.happen(jobs.TaskCreated, jobs.TaskLog, jobs.TaskLog)
	server := s.listen("")
	c := s.client(server)
	shown, away := make(chan struct{}), make(chan error, 2)
	var got []int64
	watch := collect(&got)
	keep := watch.Entry
	watch.Entry = func(event client.Event) error {
		if event.Seq == 3 {
			close(shown)
		}
		return keep(event)
	}
	watch.Trouble = func(err error) { away <- err }
	done := make(chan error, 1)
	go func() {
		_, err := c.Follow(t.Context(), taskID, watch)
		done <- err
	}()
	<-shown
	server.CloseClientConnections()
	server.Close()
	var gone *client.Unreachable
	if err := <-away; !errors.As(err, &gone) {
		t.Fatalf("the first trouble is %v", err)
	}
	s.happen(jobs.TaskLog, jobs.TaskProgress, jobs.TaskCompleted)
	s.listen(server.Listener.Addr().String())
	if err := <-away; err != nil {
		t.Fatalf("the server is back, but told was %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantDense(t, got, 1, 6)
}

func TestFollowGivesUp(t *testing.T) {
	t.Parallel()
	t.Run("at once when there never was a server", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 4)
		server := s.listen("")
		server.Close()
		watch := collect(new([]int64))
		watch.Trouble = func(error) { t.Error("a server that never answered is no trouble to wait for") }
		_, err := s.client(server).Follow(t.Context(), taskID, watch)
		if _, gone := errors.AsType[*client.Unreachable](err); !gone {
			t.Errorf("error %v", err)
		}
	})
	for name, status := range map[string]int{"after its patience": http.StatusServiceUnavailable, "at once when refused": http.StatusUnauthorized} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, 4)
			s.happen(jobs.TaskCreated)
			watch := collect(new([]int64))
			watch.Patience = time.Millisecond
			keep := watch.Entry
			watch.Entry = func(event client.Event) error {
				s.refuseAll(status)
				return keep(event)
			}
			_, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch)
			var refused *client.Problem
			if !errors.As(err, &refused) || refused.Status != status {
				t.Fatalf("error %v", err)
			}
			if again := s.requests("task") > 2; again != (status == http.StatusServiceUnavailable) {
				t.Errorf("asked %d times after status %d", s.requests("task")-1, status)
			}
		})
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newStage(t, 4)
	s.happen(jobs.TaskCreated)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	watch := collect(new([]int64))
	watch.Entry = func(client.Event) error {
		cancel(enough)
		return nil
	}
	if _, err := s.client(s.listen("")).Follow(ctx, taskID, watch); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
}

func TestFollowEndsWithItsReader(t *testing.T) {
	t.Parallel()
	s := newStage(t, 4)
	s.happen(jobs.TaskCreated)
	full := errors.New("disk full")
	watch := client.Watch{Events: true, Entry: func(client.Event) error { return full }}
	if _, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

func TestFollowTheTailOfTheOutput(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.happen(jobs.TaskCreated, jobs.TaskLog, jobs.TaskLog, jobs.TaskLog)
	var got []int64
	watch := collect(&got)
	watch.Events, watch.Logs = false, &client.LogQuery{Tail: 2}
	keep := watch.Entry
	watch.Entry = func(event client.Event) error {
		if event.Seq == 4 {
			s.happen(jobs.TaskLog, jobs.TaskLog, jobs.TaskLog, jobs.TaskCompleted)
		}
		return keep(event)
	}
	if _, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch); err != nil {
		t.Fatal(err)
	}
	wantDense(t, got, 3, 7)
	if s.requests("events") != 0 {
		t.Error("events were asked for, and nobody wanted them")
	}
}
