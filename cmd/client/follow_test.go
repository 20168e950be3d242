package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"freshet/cmd/client"
	"freshet/jobs"
)

// collect is a Watch that keeps the numbers of what it is told.
func collect(seqs *[]int64) client.Watch {
	return client.Watch{Events: true, Logs: true, Entry: func(entry client.Answer[client.Event]) error {
		*seqs = append(*seqs, entry.Value.Seq)
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
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

// Streams break off all the time, some within an event, and some servers begin again from the start.
func TestFollowResumes(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"after the last id": false, "from the start": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.breaks, s.again = 3, again
			if again {
				s.breaks = 0
			}
			s.happen(slices.Repeat([]jobs.EventType{jobs.TaskLog, jobs.TaskProgress}, 8)...)
			server := s.listen("")
			var got []int64
			watch := collect(&got)
			keep := watch.Entry
			watch.Entry = func(entry client.Answer[client.Event]) error {
				if entry.Value.Seq == 16 {
					server.CloseClientConnections()
					s.happen(jobs.TaskCompleted)
				}
				return keep(entry)
			}
			watch.Trouble = func(err error) { t.Errorf("a stream that breaks off is no trouble: %v", err) }
			if _, err := s.client(server).Follow(t.Context(), taskID, watch); err != nil {
				t.Fatal(err)
			}
			wantDense(t, got, 1, 17)
			s.mu.Lock()
			defer s.mu.Unlock()
			if want := []string{"", "3", "6", "9", "12", "15", "16"}; !again && !slices.Equal(s.resumes, want) {
				t.Errorf("resumed after %q, want %q", s.resumes, want)
			}
		})
	}
}

func TestFollowReopensASilentStream(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.happen(jobs.TaskCreated)
	var got []int64
	watch := collect(&got)
	watch.Silence = 300 * time.Millisecond
	keep := watch.Entry
	watch.Entry = func(entry client.Answer[client.Event]) error {
		if entry.Value.Seq == 1 { // nothing comes any more, until the stream is open for the third time
			s.mu.Lock()
			s.mute = 1
			s.mu.Unlock()
		}
		return keep(entry)
	}
	watch.Trouble = func(err error) {
		if err == nil {
			s.happen(jobs.TaskCompleted)
		}
	}
	if _, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch); err != nil {
		t.Fatal(err)
	}
	wantDense(t, got, 1, 2)
	if s.requests("stream") < 3 {
		t.Errorf("opened %d times", s.requests("stream"))
	}
}

func TestFollowRefusesAnEventWithoutEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.endless = true
	_, err := s.client(s.listen("")).Follow(t.Context(), taskID, collect(new([]int64)))
	if err == nil || !strings.Contains(err.Error(), "more than 8 MiB") {
		t.Errorf("error %v", err)
	}
}

func TestFollowOfAnEndedTaskReadsItOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.happen(jobs.TaskCreated, jobs.TaskCompleted)
	var got []int64
	watch := collect(&got)
	watch.After = 2
	task, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch)
	if err != nil || task.Value.State != jobs.Completed || len(got) != 0 || s.requests("task") != 1 {
		t.Errorf("task %+v, entries %v, %v", task.Value, got, err)
	}
}

func TestFollowTellsTheTask(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.happen(jobs.TaskCreated)
	s.entries[0].Data = json.RawMessage(`{"task":{"id":"` + taskID + `","progress":7}}`)
	var told []int
	watch := client.Watch{Task: func(task client.Task) {
		if told = append(told, task.Progress); len(told) == 2 {
			s.happen(jobs.TaskCompleted)
		}
	}}
	if _, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch); err != nil || !slices.Equal(told, []int{0, 7}) {
		t.Errorf("told %v, %v", told, err)
	}
}

func TestFollowSurvivesARestart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.happen(jobs.TaskCreated, jobs.TaskLog, jobs.TaskLog)
	server := s.listen("")
	c := s.client(server)
	shown, away := make(chan struct{}), make(chan error, 2)
	var got []int64
	watch := collect(&got)
	keep := watch.Entry
	watch.Entry = func(entry client.Answer[client.Event]) error {
		if entry.Value.Seq == 3 {
			close(shown)
		}
		return keep(entry)
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
		s := newStage(t)
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
			s := newStage(t)
			s.happen(jobs.TaskCreated)
			watch := collect(new([]int64))
			watch.Patience = time.Second // longer than a busy machine is away
			keep := watch.Entry
			watch.Entry = func(entry client.Answer[client.Event]) error {
				s.refuseAll(status)
				return keep(entry)
			}
			_, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch)
			var refused *client.Problem
			if !errors.As(err, &refused) || refused.Status != status {
				t.Fatalf("error %v", err)
			}
			if again := s.requests("stream") > 2; again != (status == http.StatusServiceUnavailable) {
				t.Errorf("asked %d times after status %d", s.requests("stream")-1, status)
			}
		})
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.happen(jobs.TaskCreated)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	watch := collect(new([]int64))
	watch.Entry = func(client.Answer[client.Event]) error {
		cancel(enough)
		return nil
	}
	if _, err := s.client(s.listen("")).Follow(ctx, taskID, watch); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
}

func TestFollowEndsWithItsReader(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.happen(jobs.TaskCreated)
	full := errors.New("disk full")
	watch := client.Watch{Events: true, Entry: func(client.Answer[client.Event]) error { return full }}
	if _, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

func TestFollowTheOutputOfAnAttempt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.happen(jobs.TaskCreated, jobs.TaskLog, jobs.TaskLog, jobs.TaskLog, jobs.TaskLog, jobs.TaskCompleted)
	s.entries[1].Attempt, s.entries[4].Attempt = 2, 2
	var got []int64
	watch := collect(&got)
	watch.Events, watch.Attempt, watch.After = false, 1, 1
	if _, err := s.client(s.listen("")).Follow(t.Context(), taskID, watch); err != nil {
		t.Fatal(err)
	}
	wantDense(t, got, 3, 4)
}
