package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// bare is the least server that can do it: it hands out from memory what it is sent, remembers nothing,
// and knows nobody.
type bare struct {
	mu     sync.Mutex
	topics map[string]*bareTopic
}

type bareTopic struct {
	seq     int64
	readers map[chan []byte]struct{}
}

func serveBare(ctx context.Context, socket net.Listener, ready func()) error {
	b := &bare{topics: map[string]*bareTopic{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{task}", b.stream)
	mux.HandleFunc("POST /", b.publish)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	ready()
	if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// topic finds or makes the topic of a task. The caller holds the lock.
func (b *bare) topic(task string) *bareTopic {
	if b.topics[task] == nil {
		b.topics[task] = &bareTopic{readers: map[chan []byte]struct{}{}}
	}
	return b.topics[task]
}

// publish takes lines of a task and its event, and gives them to the task's streams.
func (b *bare) publish(_ http.ResponseWriter, r *http.Request) {
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		task, data, _ := strings.Cut(lines.Text(), " ")
		b.mu.Lock()
		t := b.topic(task)
		t.seq++
		frame := fmt.Appendf(nil, "id: %d\nevent: task.custom\ndata: %s\n\n", t.seq, data)
		for reader := range t.readers {
			reader <- frame // never full: one event a second
		}
		b.mu.Unlock()
	}
}

func (b *bare) stream(w http.ResponseWriter, r *http.Request) {
	frames := make(chan []byte, 16)
	b.mu.Lock()
	t := b.topic(r.PathValue("task"))
	t.readers[frames] = struct{}{}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(t.readers, frames)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	if flush() != nil {
		return
	}
	for {
		select {
		case frame := <-frames:
			if _, err := w.Write(frame); err != nil || flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// startBare starts the bare server and makes names for its tasks.
func startBare(ctx context.Context, o options) (*side, error) {
	s, err := startServer(ctx, o, "bare")
	if err != nil {
		return nil, err
	}
	tasks := make([]string, o.tasks)
	paths := make([]string, o.tasks)
	for i := range tasks {
		tasks[i] = uuid.NewString()
		paths[i] = "/" + tasks[i]
	}
	tick := 0
	return &side{server: s, paths: paths, close: func() error { return nil }, write: func(ctx context.Context) error {
		tick++
		var lines strings.Builder
		for _, task := range tasks {
			now := time.Now()
			fmt.Fprintf(&lines, `%s {"type":"task.custom","taskId":"%s","seq":%d,"attempt":1,"at":"%s","data":%s}`+"\n",
				task, task, tick, now.UTC().Format(time.RFC3339Nano), event(now))
		}
		_, err := post(ctx, "http://127.0.0.1:"+s.address+"/", "", lines.String())
		return err
	}}, nil
}

// event is the data of an event: the time that it is written at, and as much again as a user may say.
func event(now time.Time) []byte {
	return []byte(`{"name":"tick","data":{"text":"` + strings.Repeat("x", 100) + `","` + sentName + `":` + strconv.FormatInt(now.UnixNano(), 10) + `}}`)
}
