package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/api"
	"freshet/cmd/client"
	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/realtime"
	"freshet/jobs/secret"
)

// lease is longer than any test.
const lease = time.Hour

// house is the real API on a real database, and a worker that does what the test says.
type house struct {
	*postgres.Store
	t       *testing.T
	address string // the same after a restart
	worker  uuid.UUID
}

func newHouse(t *testing.T) *house {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Options{
		URL: postgrestest.New(t), MaxConnections: 8, Name: t.Name(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	h := &house{Store: store, t: t, address: "127.0.0.1:0", worker: uuid.New()}
	h.ok(store.EnsurePartitions(t.Context(), time.Now(), 2))
	h.ok(store.SyncKinds(t.Context(), []jobs.Kind{{
		Name: "work", Command: []string{"true"}, Pool: "default", Retry: jobs.Retry{MaxAttempts: 3},
		Input: json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}}}`),
	}}))
	h.ok(store.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4}}))
	h.ok(store.SaveKey(t.Context(), jobs.Key{Name: "k", Secrets: []jobs.KeySecret{{Hash: sha256.Sum256([]byte("key"))}}, Owner: "ada", Admin: true}))
	h.ok(store.RegisterWorker(t.Context(), jobs.Worker{ID: h.worker, Pool: "default", Host: "here", PID: 1, Slots: 4, Kinds: []string{"work"}, Lease: lease}))
	return h
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// open serves the API until the returned function was called, or the test ends.
func (h *house) open() (closeDoor func()) {
	h.t.Helper()
	hub := realtime.New(api.NewFeed(h.Store, ""), slog.New(slog.DiscardHandler))
	listener, err := h.Store.Listener(h.Pool().Config().ConnString(), postgres.Hints{Task: hub.Wake, All: hub.WakeAll})
	h.ok(err)
	server, err := api.New(h.t.Context(), api.Config{
		Store: h.Store, Hub: hub, Secrets: secret.NewBox(secret.Key{1}), Logger: slog.New(slog.DiscardHandler),
	})
	h.ok(err)
	h.ok(server.Reload(h.t.Context()))
	socket, err := (&net.ListenConfig{}).Listen(h.t.Context(), "tcp", h.address)
	h.ok(err)
	h.address = socket.Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	var duties sync.WaitGroup
	duties.Go(func() { _ = listener.Run(ctx) })
	duties.Go(func() { _ = hub.Run(ctx) })
	go func() { done <- server.Serve(ctx, socket) }()
	closed := false
	closeDoor = func() {
		if closed {
			return
		}
		closed = true
		stop()
		if err := <-done; err != nil {
			h.t.Errorf("serve: %v", err)
		}
		duties.Wait()
	}
	h.t.Cleanup(closeDoor)
	return closeDoor
}

func (h *house) client() *client.Client {
	h.t.Helper()
	c, err := client.New("http://"+h.address, "key")
	h.ok(err)
	h.t.Cleanup(c.Close)
	return c
}

// claim starts the task's attempt.
func (h *house) claim(task string) jobs.Claim {
	h.t.Helper()
	candidate := jobs.Candidate{TaskID: uuid.MustParse(task)}
	h.ok(h.Pool().QueryRow(h.t.Context(), `SELECT id, (args->>'attempt')::int FROM river.river_job
		WHERE args->>'taskId' = $1::text`, task).Scan(&candidate.RiverJob, &candidate.Attempt))
	claim, refusal, err := h.Claim(h.t.Context(), h.worker, candidate)
	h.ok(err)
	if refusal != jobs.ClaimGranted {
		h.t.Fatalf("claim refused: %s", refusal)
	}
	return claim
}

// say stores a line of output and a step of progress, the n-th.
func (h *house) say(claim jobs.Claim, n int64) {
	h.t.Helper()
	now := time.Now()
	_, err := h.Flush(h.t.Context(), jobs.Flush{Fence: claim.Fence, From: 2 * (n - 1), To: 2 * n, Records: []jobs.Record{
		{At: now, Stream: jobs.Stdout, Bytes: fmt.Appendf(nil, "line %d \xff\n", n)},
		{At: now, Type: jobs.TaskProgress, Data: fmt.Appendf(nil, `{"progress":%d}`, n)},
	}})
	h.ok(err)
}

// The server is stopped and started in the middle of a task that goes on meanwhile.
func TestFollowARealTaskThroughARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	closeDoor := h.open()
	c := h.client()
	submitted, err := c.Submit(t.Context(), client.Submission{Kind: "work", Input: json.RawMessage(`{"n":1}`), Tags: []string{"a"}})
	h.ok(err)
	id := submitted.Value.ID
	claim := h.claim(id)
	h.say(claim, 1)

	shown, away := make(chan struct{}), make(chan error, 8)
	var got []client.Event
	watch := client.Watch{
		Events: true, Logs: true, Trouble: func(err error) { away <- err },
		Entry: func(entry client.Answer[client.Event]) error {
			if got = append(got, entry.Value); entry.Value.Seq == 4 {
				close(shown)
			}
			return nil
		},
	}
	var task client.Answer[client.Task]
	done := make(chan error, 1)
	go func() {
		var err error
		task, err = c.Follow(t.Context(), id, watch)
		done <- err
	}()
	<-shown
	closeDoor()
	if err := <-away; err == nil {
		t.Fatal("the server went away, and nobody was told")
	}
	h.say(claim, 2)
	h.say(claim, 3)
	h.open()
	if err := <-away; err != nil {
		t.Fatalf("the server is back, but told was %v", err)
	}
	h.say(claim, 4)
	h.ok(h.End(t.Context(), jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeCompleted, Output: json.RawMessage(`{"ok":true}`)}))
	h.ok(<-done)

	if task.Value.State != jobs.Completed || string(task.Value.Output) != `{"ok":true}` || task.Value.Seq != 11 {
		t.Errorf("task %s", task.Raw)
	}
	var seqs []int64
	var text strings.Builder
	for _, event := range got {
		seqs = append(seqs, event.Seq)
		if event.TaskID != id || event.At.IsZero() {
			t.Errorf("event %+v", event)
		}
		if event.Type == jobs.TaskLog {
			var output client.Output
			h.ok(json.Unmarshal(event.Data, &output))
			text.WriteString(output.Text)
		}
	}
	wantDense(t, seqs, 1, 11)
	if want := "line 1 \ufffd\nline 2 \ufffd\nline 3 \ufffd\nline 4 \ufffd\n"; text.String() != want {
		t.Errorf("output %q, want %q", text.String(), want)
	}
}

func TestTheRealServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open()
	c := h.client()
	ctx := t.Context()

	var refused *client.Problem
	_, err := c.Submit(ctx, client.Submission{Kind: "work", Input: json.RawMessage(`{"n":"x"}`)})
	if !errors.As(err, &refused) || refused.Code != "invalid_input" || len(refused.Errors) != 1 || refused.Errors[0].Pointer != "/input/n" {
		t.Errorf("bad input: %+v", refused)
	}
	var ids []string
	for n := range 5 {
		task, err := c.Submit(ctx, client.Submission{Kind: "work", Input: fmt.Appendf(nil, `{"n":%d}`, n), Tags: []string{"five"}, Delay: "1h"})
		h.ok(err)
		ids = append(ids, task.Value.ID)
	}
	slices.Reverse(ids)
	first, err := c.Tasks(ctx, client.Filter{Tag: "five", Limit: 3})
	h.ok(err)
	second, err := c.Tasks(ctx, client.Filter{Tag: "five", Limit: 3, Cursor: first.Value.NextCursor})
	h.ok(err)
	var listed []string
	for _, item := range append(first.Value.Items, second.Value.Items...) {
		listed = append(listed, item.Value.ID)
	}
	if !slices.Equal(listed, ids) || second.Value.NextCursor != "" {
		t.Errorf("listed %v, want %v", listed, ids)
	}
	cancelled, err := c.Cancel(ctx, ids[0])
	if err != nil || cancelled.Value.State != jobs.Cancelled || cancelled.Value.CancelRequestedAt == nil {
		t.Errorf("cancel: %s, %v", cancelled.Raw, err)
	}
	rerun, err := c.Rerun(ctx, ids[0])
	if err != nil || rerun.Value.RerunOf != ids[0] {
		t.Errorf("rerun: %s, %v", rerun.Raw, err)
	}
	h.ok(c.Delete(ctx, ids[0]))
	if _, err := c.Task(ctx, ids[0]); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("a deleted task: %v", err)
	}
	if kind, err := c.PauseKind(ctx, "work", true); err != nil || kind.Value.Name != "work" || kind.Value.PausedAt == nil {
		t.Errorf("pause: %s, %v", kind.Raw, err)
	}
	if pool, err := c.PausePool(ctx, "default", false); err != nil || pool.Value.Name != "default" || pool.Value.PausedAt != nil {
		t.Errorf("resume: %s, %v", pool.Raw, err)
	}
	workers, err := c.Workers(ctx)
	if err != nil || len(workers.Value.Items) != 1 || workers.Value.Items[0].Value.ID != h.worker.String() ||
		workers.Value.Items[0].Value.Slots != 4 || workers.Value.Items[0].Value.LeaseUntil.Before(time.Now()) {
		t.Errorf("workers: %s, %v", workers.Raw, err)
	}
	pools, err := c.Pools(ctx)
	if err != nil || len(pools.Value.Items) != 1 || pools.Value.Items[0].Value.Workers != 1 {
		t.Errorf("pools: %s, %v", pools.Raw, err)
	}
}

func TestRealArtifacts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.open()
	c := h.client()
	task, err := c.Submit(t.Context(), client.Submission{Kind: "work", Input: json.RawMessage(`{}`)})
	h.ok(err)
	claim := h.claim(task.Value.ID)
	content := strings.Repeat("0123456789abcdef", jobs.ArtifactChunk/8) // two chunks
	h.ok(h.SaveArtifact(t.Context(), claim.Fence, "sub/a b.txt", "text/plain", strings.NewReader(content)))
	h.ok(h.End(t.Context(), jobs.Ending{Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeCompleted}))
	list, err := c.Artifacts(t.Context(), task.Value.ID)
	h.ok(err)
	if len(list.Value.Items) != 1 {
		t.Fatalf("artifacts %s", list.Raw)
	}
	artifact := list.Value.Items[0].Value
	if artifact.Name != "sub/a b.txt" || artifact.Size != int64(len(content)) || time.Until(artifact.ExpiresAt) < time.Minute {
		t.Errorf("artifact %+v", artifact)
	}
	var got strings.Builder
	if err := c.Download(t.Context(), artifact, &got); err != nil || got.String() != content {
		t.Errorf("%d of %d bytes, %v", got.Len(), len(content), err)
	}
}
