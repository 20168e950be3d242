package realtime_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"freshet/jobs/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Source: tasks whose entries are events, but for every third, which is output.
type memory struct {
	mu    sync.Mutex
	seqs  map[uuid.UUID]int64
	reads int
	twice bool // a task was asked for twice in one read
	ended bool // all tasks are, for feeds
}

func (m *memory) add(task uuid.UUID, entries int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seqs[task] += entries
}

const piece = 100

func (m *memory) Read(_ context.Context, asks []realtime.Ask) ([]realtime.Batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	asked := map[uuid.UUID]bool{}
	for _, ask := range asks {
		m.twice = m.twice || asked[ask.Task]
		asked[ask.Task] = true
	}
	batches := make([]realtime.Batch, len(asks))
	for i, ask := range asks {
		batches[i] = m.batch(ask)
	}
	return batches, nil
}

func (m *memory) batch(ask realtime.Ask) realtime.Batch {
	seq, exists := m.seqs[ask.Task]
	batch := realtime.Batch{UpTo: seq, Gone: !exists}
	for number := ask.After + 1; number <= seq; number++ {
		if len(batch.Entries) == piece {
			batch.More, batch.UpTo = true, number-1
			break
		}
		if isLog := number%3 == 0; ask.Logs || !isLog {
			batch.Entries = append(batch.Entries, realtime.Entry{Seq: number, Log: isLog})
		}
	}
	return batch
}

func (m *memory) Seqs(_ context.Context, tasks []uuid.UUID) (map[uuid.UUID]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[uuid.UUID]int64{}
	for _, task := range tasks {
		if seq, exists := m.seqs[task]; exists {
			found[task] = seq
		}
	}
	return found, nil
}

func (m *memory) Heads(_ context.Context, tasks []uuid.UUID, afters []int64) ([]realtime.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	heads := make([]realtime.Head, len(tasks))
	for i, task := range tasks {
		head := realtime.Head{Task: task, Seq: m.seqs[task], Ended: m.ended, Snapshot: fmt.Appendf(nil, "task %d", m.seqs[task])}
		for seq := afters[i] + 1; afters[i] > 0 && seq <= head.Seq; seq++ {
			if seq%3 != 0 {
				head.Events = append(head.Events, fmt.Appendf(nil, "event %d", seq))
			}
		}
		heads[i] = head
	}
	return heads, nil
}

// bubble is a running hub, in fake time, and a task with one entry.
type bubble struct {
	*realtime.Hub

	source *memory
	task   uuid.UUID
}

func inBubble(t *testing.T, test func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		source := &memory{seqs: map[uuid.UUID]int64{}}
		b := &bubble{realtime.New(source, slog.New(slog.DiscardHandler)), source, uuid.New()}
		source.add(b.task, 1)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		test(b)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func seqs(news realtime.News) (list []int64) {
	for _, entry := range news.Entries {
		list = append(list, entry.Seq)
	}
	return list
}

func TestOneReadFeedsAllStreams(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		var streams []*realtime.Stream
		for range 50 {
			streams = append(streams, b.Open(b.task, 1, true))
		}
		b.source.add(b.task, 2)
		b.Wake(b.task)
		synctest.Wait()
		for _, stream := range streams {
			<-stream.C
			if got := seqs(stream.Take()); len(got) != 2 || got[0] != 2 || got[1] != 3 {
				t.Errorf("a stream was given %v", got)
			}
			stream.Close()
		}
		if b.source.reads != 1 {
			t.Errorf("%d reads for 50 streams", b.source.reads)
		}
		if b.Streams() != 0 {
			t.Errorf("%d streams are left", b.Streams())
		}
	})
}

// A stream closes while its task waits to be read, and another one opens. The two are not read together: what
// is read of a task is bounded, so that one would get a part for the whole, and miss the rest.
func TestNoTaskIsAskedForTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &memory{seqs: map[uuid.UUID]int64{}}
		hub, task := realtime.New(source, slog.New(slog.DiscardHandler)), uuid.New()
		source.add(task, 10)
		first := hub.Open(task, 1, false)
		hub.Wake(task)
		first.Close()
		second := hub.Open(task, 5, false)
		defer second.Close()
		hub.Wake(task)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- hub.Run(ctx) }()
		<-second.C
		if got := seqs(second.Take()); len(got) != 3 || got[0] != 7 { // 6 and 9 are output
			t.Errorf("given %v", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if source.twice {
			t.Error("a task was asked for twice")
		}
	})
}

func TestOneReadFeedsManyTasks(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		var streams []*realtime.Stream
		for range 200 {
			task := uuid.New()
			b.source.add(task, 1)
			streams = append(streams, b.Open(task, 1, true))
			b.source.add(task, 3)
		}
		b.WakeAll()
		synctest.Wait()
		for _, stream := range streams {
			if got := seqs(stream.Take()); len(got) != 3 || got[0] != 2 {
				t.Errorf("a stream was given %v", got)
			}
			stream.Close()
		}
		if b.source.reads > 50 {
			t.Errorf("%d reads for 200 tasks", b.source.reads)
		}
	})
}

// TestASharedPieceStaysAsItIs has one stream of a task take at once, and another later.
func TestASharedPieceStaysAsItIs(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		quick, late := b.Open(b.task, 1, true), b.Open(b.task, 1, true)
		defer quick.Close()
		defer late.Close()
		add := func() {
			b.source.add(b.task, 2)
			b.Wake(b.task)
			synctest.Wait()
		}
		add()
		first := seqs(quick.Take())
		add()
		second := seqs(quick.Take())
		if got := fmt.Sprint(first, second, seqs(late.Take())); got != "[2 3] [4 5] [2 3 4 5]" {
			t.Errorf("given: %s", got)
		}
	})
}

func TestALostHintIsHealed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		stream := b.Open(b.task, 1, false)
		defer stream.Close()
		b.source.add(b.task, 1) // and nobody says so
		began := time.Now()
		<-stream.C
		if got := seqs(stream.Take()); len(got) != 1 || got[0] != 2 {
			t.Errorf("the stream was given %v", got)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAStreamThatIsNotTakenFallsBehind(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		slow, quick := b.Open(b.task, 1, true), b.Open(b.task, 1, true)
		defer slow.Close()
		defer quick.Close()
		got := 0
		for range 4 {
			b.source.add(b.task, piece)
			b.Wake(b.task)
			synctest.Wait()
			news := quick.Take()
			if got += len(news.Entries); news.Behind {
				t.Fatal("the quick stream is behind")
			}
		}
		if got != 4*piece {
			t.Errorf("the quick stream was given %d entries", got)
		}
		news := slow.Take()
		if !news.Behind || len(news.Entries) > piece {
			t.Errorf("the slow stream holds %d entries, behind: %t", len(news.Entries), news.Behind)
		}
		b.source.add(b.task, 1)
		b.Wake(b.task)
		synctest.Wait()
		if news := slow.Take(); news.Behind || len(news.Entries) != 1 {
			t.Errorf("after it caught up it was given %+v", news)
		}
	})
}

func TestStreamsWithAndWithoutOutput(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		events, all := b.Open(b.task, 1, false), b.Open(b.task, 1, true)
		defer events.Close()
		defer all.Close()
		b.source.add(b.task, 3)
		b.Wake(b.task)
		synctest.Wait()
		if got := seqs(events.Take()); len(got) != 2 {
			t.Errorf("events: %v", got)
		}
		if got := seqs(all.Take()); len(got) != 3 {
			t.Errorf("all: %v", got)
		}
	})
}

func TestADeletedTaskEndsItsStreams(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		stream := b.Open(b.task, 1, false)
		defer stream.Close()
		b.source.mu.Lock()
		delete(b.source.seqs, b.task)
		b.source.mu.Unlock()
		<-stream.C
		if !stream.Take().Gone {
			t.Error("the stream does not know that its task is gone")
		}
	})
}

func TestSubscriptionsAreWoken(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		mine, others := b.Subscribe(b.task), b.Subscribe(uuid.New())
		defer mine.Close()
		defer others.Close()
		b.Wake(b.task)
		b.Wake(b.task)
		<-mine.C
		select {
		case <-mine.C:
			t.Error("two wakes that nobody took are two")
		case <-others.C:
			t.Error("another task's subscription was woken")
		default:
		}
		b.WakeAll()
		<-mine.C
		<-others.C
	})
}
