package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs"
)

const (
	frozenWrite   = 2 * time.Second // what a reader may take to take a piece
	frozenRounds  = 60
	frozenChunks  = 16
	frozenChunk   = 32 << 10
	frozenReaders = 99
	// frozenMemory is far less than all that is printed, and more than a stream may hold.
	frozenMemory = frozenRounds * frozenChunks * frozenChunk * 2 / 3
)

// TestAFrozenReaderHarmsNobody stops a reader's process in the midst of a stream while its task prints
// much more than the sockets hold. The server drops it, the 99 other readers of the task are told at
// once of all that happens, and memory stays bounded. Woken up, the reader comes back and misses nothing.
//
//nolint:paralleltest // the memory that it measures is the whole test program's
func TestAFrozenReaderHarmsNobody(t *testing.T) {
	r := newRig(t, func(c *api.Config) { c.Limits.Write = frozenWrite }).live()
	task := r.submit(`{"kind":"anything"}`).ID
	others := r.timed(task)
	frozen, ids := r.readerProcess(task)
	r.until("all streams are open", func() bool { return r.hub.Streams() == frozenReaders+1 })
	claim := r.claim(task)
	<-ids // it reads
	r.ok(frozen.Signal(syscall.SIGSTOP))
	before := heap()

	stored := r.printMuch(claim, others)
	r.until("the frozen reader is dropped", func() bool { return r.hub.Streams() == frozenReaders })
	if grown := heap() - before; grown > frozenMemory {
		t.Errorf("%d MiB are held for a reader that takes nothing", grown>>20)
	}
	if late := others.latest(); late > frozenWrite {
		t.Errorf("the others were told up to %s late", late)
	} else {
		t.Logf("the others were told within %s", late)
	}

	r.ok(frozen.Signal(syscall.SIGCONT))
	r.complete(claim, `{}`)
	r.ok(others.wait())
	want := int64(stored + 3) // created, started and completed
	next := int64(2)
	for id := range ids {
		if id != next {
			t.Fatalf("after it was frozen the reader was sent %d, want %d", id, next)
		}
		next++
	}
	if next != want+1 {
		t.Errorf("the frozen reader read up to %d of %d", next-1, want)
	}
}

// printMuch writes records as a worker does, when all others were told of those before, and returns how
// many.
func (r *rig) printMuch(claim jobs.Claim, others *timed) int {
	r.t.Helper()
	text := string(bytes.Repeat([]byte("x"), frozenChunk-1)) + "\n"
	for round := range frozenRounds {
		records := slices.Repeat([]jobs.Record{record(text)}, frozenChunks)
		at := fmt.Appendf(nil, `{"name":"at","data":%d}`, time.Now().UnixNano())
		records = append(records, jobs.Record{At: time.Now(), Type: jobs.TaskCustom, Data: at})
		r.flush(claim, int64(round*len(records)), records...)
		for range frozenReaders {
			select {
			case <-others.told:
			case <-r.late():
				r.t.Fatalf("the others were not told of round %d", round)
			}
		}
	}
	return frozenRounds * (frozenChunks + 1)
}

// timed are readers of a task's events that note how late they were told.
type timed struct {
	group sync.WaitGroup
	errs  chan error
	told  chan struct{} // receives for each reader and event

	mu   sync.Mutex
	late time.Duration
}

func (r *rig) timed(task string) *timed {
	all := &timed{errs: make(chan error, frozenReaders), told: make(chan struct{}, frozenReaders)}
	for range frozenReaders {
		reader := r.reader(ada, task, "")
		reader.told = func(frame sseFrame) {
			reader.frames = nil
			all.note(frame)
		}
		all.group.Go(func() { all.errs <- reader.follow(r.t.Context()) })
	}
	return all
}

func (a *timed) note(frame sseFrame) {
	var event struct{ Data struct{ Data int64 } }
	if frame.event != "task.custom" || json.Unmarshal(frame.data, &event) != nil {
		return
	}
	defer func() { a.told <- struct{}{} }()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.late = max(a.late, time.Since(time.Unix(0, event.Data.Data)))
}

func (a *timed) latest() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.late
}

func (a *timed) wait() (err error) {
	a.group.Wait()
	for range frozenReaders {
		if one := <-a.errs; one != nil {
			err = one
		}
	}
	return err
}

// readerProcess starts a process that reads all of a task, and tells the ids that it reads.
func (r *rig) readerProcess(task string) (*os.Process, <-chan int64) {
	r.t.Helper()
	spec, err := json.Marshal(map[string]string{"base": r.http.URL, "key": ada, "task": task, "query": "include=logs"})
	r.ok(err)
	command := role(context.WithoutCancel(r.t.Context()), asReader, string(spec))
	stdout, err := command.StdoutPipe()
	r.ok(err)
	r.ok(command.Start())
	ids := make(chan int64, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(ids)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			id, _ := strconv.ParseInt(lines.Text(), 10, 64)
			ids <- id
		}
	})
	r.t.Cleanup(func() {
		_ = command.Process.Kill()
		for range ids {
		}
		reading.Wait()
		_ = command.Wait()
	})
	return command.Process, ids
}

// heap is the memory in use, without what nobody uses any more.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
